/** The catalogue is read from memory, and yet a changed price is seen at once, whichever process answers. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem } from '../harness/system.ts'

let system: System

beforeAll(async () => {
  system = await startSystem()
}, 120_000)

afterAll(() => system?.stop())

/** Connections of their own, so that each web process answers some of them. */
const prices = async (): Promise<Set<string>> => {
  const asked = Array.from({ length: 24 }, async () => {
    const answer = await fetch(`${system.shopUrl}/api/courses/1`, { headers: { connection: 'close' } })
    return ((await answer.json()) as { price: string }).price
  })
  return new Set(await Promise.all(asked))
}

const setPrice = (fen: number) => system.sql('update courses set price_fen = $1 where id = 1', [fen])

test('a changed price is seen at once by every process, in the list as well', async () => {
  expect(await prices()).toEqual(new Set(['39.00']))
  await setPrice(4100)
  await expect.poll(prices, { timeout: 2000, interval: 20 }).toEqual(new Set(['41.00']))
  const list = (await (await fetch(`${system.shopUrl}/api/courses?limit=100`)).json()) as {
    items: { id: number; price: string }[]
  }
  expect(list.items.find(({ id }) => id === 1)?.price).toBe('41.00')
})

test('while word of changes cannot arrive, nothing old is told either', async () => {
  expect(await prices()).toEqual(new Set(['41.00']))
  const listening = `select pid from pg_stat_activity where query like 'listen %'`
  const found = await system.sql<{ pid: number }>(listening)
  expect(found).toHaveLength(2)
  await system.sql(
    `update courses set price_fen = 4200 where id = 1; select pg_terminate_backend(pid) from (${listening}) l`,
  )
  await expect.poll(prices, { timeout: 5000, interval: 20 }).toEqual(new Set(['42.00']))
  await expect.poll(() => system.sql(listening).then((rows) => rows.length), { timeout: 5000 }).toBe(2)
  await setPrice(3900)
  await expect.poll(prices, { timeout: 2000, interval: 20 }).toEqual(new Set(['39.00']))
})
