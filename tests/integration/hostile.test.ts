/** The short form of `npm run bench -- hostile`: random requests cause no 5xx, and no request is as expensive as the worst once was. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAX_ANONYMOUS, MAX_LOGGED_IN, measureCosts } from '../../bench/hostile-costs.ts'
import { fuzz } from '../harness/fuzz/run.ts'
import { operationsOf, type Paths } from '../harness/fuzz/worst-requests.ts'
import { type System, startSystem } from '../harness/system.ts'

let system: System

beforeAll(async () => {
  system = await startSystem({ environment: { LOG_LEVEL: 'error' } })
})
afterAll(() => system?.stop())

test('random requests to every operation: no 5xx except for overload', async () => {
  const seed = Math.floor(Math.random() * 1_000_000)
  const { sent, failures } = await fuzz(system, { seed, count: 600 })
  expect(sent).toBe(600)
  expect(failures, `seed ${seed}`).toEqual([])
})

/** One of each kind: a body with lists, one with free keys, a search, a gateway's address. */
const ROUTES = [
  ...['POST /api/orders', 'POST /api/orders/{orderNo}/refunds', 'POST /api/payments/alipay/return'],
  ...['GET /api/courses', 'POST /api/payments/alipay/notify', 'GET /api/admin/orders'],
]
/** Measured beside other tests: an order of 32,000 courses took forty times this bound. */
const GENEROUS = 4

test('the most expensive requests of some routes stay within the bound', async () => {
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const { token } = await system.buyer()
  const { body } = await staff.call<{ paths: Paths }>('GET', '/api/openapi.json')
  const operations = operationsOf(body.paths, {}).filter(({ name }) => ROUTES.includes(name))
  expect(operations).toHaveLength(ROUTES.length)
  const { all } = await measureCosts({
    ...{ origin: system.shopUrl, parent: system.process.pid ?? 0, operations, repeats: 1 },
    senders: { nobody: undefined, buyer: token, owner: staff.token },
    log: () => {},
  })
  const most = (by: string) => GENEROUS * (by === 'nobody' ? MAX_ANONYMOUS : MAX_LOGGED_IN)
  expect(all.length).toBeGreaterThan(200)
  expect(all.filter(({ by, times }) => times > most(by))).toEqual([])
})
