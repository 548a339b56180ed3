/** Under stress: too many requests for what the database does, a gateway that hangs, a database that stops answering. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { processesOf } from '../harness/processes.ts'
import { createShopApi, type ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let buyers: ShopApi[]

beforeAll(async () => {
  system = await startSystem()
  buyers = await Promise.all(Array.from({ length: 4 }, () => system.buyer()))
})

afterAll(() => system?.stop())
afterEach(() => system.sandbox.send('DELETE', '/faults'))

/** Takes every answer as it comes. */
function someBuyer(index: number): ShopApi {
  const buyer = createShopApi(system.shopUrl, false)
  buyer.token = buyers[index % buyers.length]?.token
  return buyer
}

const answered = async (path: string) => {
  const started = performance.now()
  const response = await fetch(system.shopUrl + path, { signal: AbortSignal.timeout(8000) })
  return { status: response.status, text: await response.text(), took: performance.now() - started }
}

const ready = async () => (await answered('/readyz')).status

/** Locks the table against writing. @returns a function that releases the lock */
async function lock(table: string): Promise<() => Promise<void>> {
  const client = new pg.Client({
    connectionString: readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim(),
  })
  await client.connect()
  await client.query(`begin; lock table ${table} in exclusive mode`)
  return () => client.end()
}

/** What every process counted, added up. */
async function metric(name: string, labels: string): Promise<number> {
  return Number(new RegExp(`^${name}\\{${labels}\\} (\\d+)`, 'm').exec(await system.metrics())?.[1])
}

test('payments that wait for a lock are limited; the rest get a time to retry, and browsing goes on', async () => {
  const unlock = await lock('orders')
  const [most, places] = [80, 2 * 10]
  let refusals = 0
  const asked = Array.from({ length: most }, async (_, index) => {
    const started = performance.now()
    const answer = await someBuyer(index).buy([1], '39.00', { 'accept-language': 'en' })
    if (answer.status === 503) refusals += 1
    return { ...answer, took: performance.now() - started }
  })
  try {
    await until(
      async () => refusals,
      (seen) => seen === most - places,
    )
    // One answer serves all requests of a second.
    await expect.poll(() => metric('http_requests_in_hand', 'kind="payment"')).toBe(places)
    await expect.poll(() => metric('http_requests_shed_total', 'kind="payment"')).toBe(most - places)
    for (const path of ['/healthz', '/readyz', '/api/courses', '/api/shop', '/covers/1.svg']) {
      const { status, took } = await answered(path)
      expect([path, status]).toEqual([path, 200])
      expect(took, path).toBeLessThan(1000)
    }
  } finally {
    await unlock()
  }
  const answers = await Promise.all(asked)
  const refused = answers.filter(({ status }) => status === 503)
  for (const { body, headers, took } of refused) {
    expect(body).toMatchObject({ code: 'OVERLOADED', title: 'The shop is very busy right now' })
    expect(headers.get('retry-after')).toBe('1')
    expect(took).toBeLessThan(3000)
  }
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(most - refused.length)
  await expect.poll(() => metric('http_requests_in_hand', 'kind="payment"')).toBe(0)
})

test('a gateway that does not answer delays only requests that need it, and after a while not even those', async () => {
  // More orders than there are slots: an order is not queried again while a query about it is running.
  const places = 2 * 10
  const courses = await system.sql<{ id: number; yuan: string }>(
    'select id, (price_fen / 100.0)::numeric(9, 2)::text as yuan from courses where price_fen > 0 and id > 1 order by id limit 6',
  )
  const unpaid = await Promise.all(
    courses.flatMap(({ id, yuan }) =>
      buyers.map(async (_, index) => {
        const buyer = someBuyer(index)
        // On a busy machine some have to retry.
        const { body } = await until(
          () => buyer.buy([id], yuan),
          (answer) => answer.status === 201,
        )
        return { buyer, orderNo: body.orderNo }
      }),
    ),
  )
  await system.sandbox.send('POST', '/faults', { kind: 'timeout-before', method: 'alipay.trade.query', seconds: 60 })
  const ask = async ({ buyer, orderNo }: { buyer: ShopApi; orderNo: string }) => {
    const started = performance.now()
    const answer = await buyer.call<{ status: string }>('POST', `/api/orders/${orderNo}/ask`)
    return { status: answer.status, order: answer.body.status, took: performance.now() - started }
  }
  const asked = unpaid.map(ask)
  await until(
    async () =>
      (await system.sandbox.get<{ strikes: Record<string, number> }>('/faults')).strikes['timeout-before'] ?? 0,
    (strikes) => strikes > places,
  )
  const started = performance.now()
  const { status, body: other } = await someBuyer(2).buy([1], '39.00')
  expect(status).toBe(201)
  expect(performance.now() - started).toBeLessThan(2000)

  for (const { took, ...answer } of await Promise.all(asked)) {
    expect(answer).toEqual({ status: 200, order: 'unpaid' })
    expect(took).toBeLessThan(20_000)
  }
  const again = await Promise.all(unpaid.slice(0, 8).map(ask))
  expect(again.filter(({ took }) => took < 4000).length).toBeGreaterThanOrEqual(6)

  await system.sandbox.send('DELETE', '/faults')
  await system.sandbox.notifications(false)
  await system.sandbox.pay(other.payUrl)
  const paid = () => someBuyer(2).call<{ status: string }>('POST', `/api/orders/${other.orderNo}/ask`)
  await until(paid, (answer) => answer.body.status === 'paid', 15_000)
  await system.sandbox.notifications(true)
})

test('a database that stops answering is noticed within seconds, nobody waits long, and payments made meanwhile are not lost', async () => {
  const buyer = someBuyer(3)
  const { body } = await buyer.buy([1], '39.00')
  const delivered = async () => {
    const path = `/deliveries?outTradeNo=${body.orderNo}`
    const { items } = await system.sandbox.get<{ items: { attempts: { acknowledged: boolean }[] }[] }>(path)
    return (items[0]?.attempts ?? []).map(({ acknowledged }) => acknowledged)
  }
  // Every process keeps the answer in memory.
  await Promise.all(Array.from({ length: 16 }, () => answered('/api/courses')))
  const [postmaster = 0] = processesOf(system.process.pid ?? 0).PostgreSQL
  const all = [postmaster, ...childrenOf(postmaster)]
  for (const pid of all) process.kill(pid, 'SIGSTOP')
  let paying: Promise<unknown>
  try {
    await until(ready, (status) => status === 503, 5000)
    expect((await answered('/healthz')).status).toBe(200)
    expect((await answered('/api/courses')).status).toBe(200)
    paying = system.sandbox.pay(body.payUrl)
    const asked = Array.from({ length: 40 }, async () => {
      const started = performance.now()
      const { status, headers } = await buyer.call('GET', '/api/orders')
      return { status, retry: headers.get('retry-after') !== null, took: performance.now() - started }
    })
    for (const { status, retry, took } of await Promise.all(asked)) {
      expect([status, retry]).toEqual([503, true])
      expect(took).toBeLessThan(15_000)
    }
    // The notification was not processed either.
    expect(await until(delivered, (attempts) => attempts.length > 0, 20_000)).toEqual([false])
  } finally {
    for (const pid of all.reverse()) process.kill(pid, 'SIGCONT')
  }
  await paying
  await until(ready, (status) => status === 200)
  const order = () => buyer.call<{ status: string }>('POST', `/api/orders/${body.orderNo}/ask`)
  await until(order, (answer) => answer.body.status === 'paid')
  expect(await buyer.ownedIds()).toEqual([1])
})

const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
      } catch {
        return false // closed meanwhile
      }
    })
