/** Password hashing has a queue of its own: a flood is refused with Retry-After while buyers continue. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createShopApi } from '../harness/shop-api.ts'
import { type System, startSystem } from '../harness/system.ts'

let system: System

beforeAll(async () => {
  // One process, so that the flood meets one queue; a proxy, so that it comes from many addresses.
  system = await startSystem({ environment: { WORKERS: '1', TRUST_PROXY: '1' } })
})

afterAll(() => system.stop())

const FLOOD = 400

test('400 registrations at once: some succeed, the others get a time to retry, and buyers order and log in meanwhile', async () => {
  const buyers = await Promise.all(Array.from({ length: 8 }, () => system.buyer()))
  const owner = `b${randomUUID().slice(0, 12)}`
  await system.client().register(owner)
  const from = (n: number) => ({ 'x-forwarded-for': `198.51.${100 + (n >> 8)}.${n & 255}` })
  const flood = Array.from({ length: FLOOD }, async (_, n) => {
    const body = { username: `f${randomUUID().slice(0, 12)}`, password: 'a long password' }
    return createShopApi(system.shopUrl, false).call<{ code?: string }>('POST', '/api/users', body, from(n))
  })
  const orders = await Promise.all(buyers.map((buyer) => buyer.buy([1], '39.00')))
  const login = await system.client().call('POST', '/api/session', { username: owner, password: 'a long password' })
  expect(orders.map(({ status }) => status)).toEqual(orders.map(() => 201))
  expect(login.status).toBe(200)

  const answers = await Promise.all(flood)
  const refused = answers.filter(({ status }) => status !== 201)
  // How many are refused depends on how fast they arrive.
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(FLOOD)
  const codes = new Set(refused.map(({ status, body }) => `${status} ${body.code}`))
  // The code depends on the machine: on a slow one the whole process may be overloaded.
  expect([...codes].filter((code) => !['429 PASSWORDS_BUSY', '503 OVERLOADED'].includes(code))).toEqual([])
  expect(refused.filter(({ headers }) => !(Number(headers.get('retry-after')) >= 1))).toEqual([])
})
