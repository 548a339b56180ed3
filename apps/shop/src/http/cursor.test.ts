/** Pages over the real database: together they are the list, even if rows are added while somebody reads. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../tests/harness/database.ts'
import { cursorPage, cutPage, readCursor, writeCursor } from './cursor.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await startTestDatabase(2)
  await addUsers('buyer', 7)
}, 60_000)

afterAll(() => database.stop(), 60_000)

const addUsers = (name: string, count: number) =>
  database.pool.query(
    `insert into users (username, display_name, password_hash)
     select $1 || n, $1 || n, 'none' from generate_series(1, $2::int) n order by n`,
    [name, count],
  )

const page = (cursor?: string, order?: 'asc' | 'desc', size = 3) =>
  cursorPage({
    cursor,
    query: database.db.selectFrom('users').select(['id', 'username']).where('username', 'like', 'buyer%'),
    key: 'users.id',
    size,
    ...(order && { order }),
    view: async (rows) => rows.map(({ username }) => username),
  })

async function allPages(order?: 'asc' | 'desc', size?: number): Promise<string[][]> {
  const pages: string[][] = []
  let next: string | null | undefined
  do {
    const read = await page(next ?? undefined, order, size)
    pages.push(read.items)
    next = read.next
  } while (next !== null)
  return pages
}

test('newest first, page by page, and the last page says that it is the last', async () => {
  expect(await allPages()).toEqual([['buyer7', 'buyer6', 'buyer5'], ['buyer4', 'buyer3', 'buyer2'], ['buyer1']])
})

test('oldest first where the list is a queue', async () => {
  expect(await allPages('asc', 4)).toEqual([
    ['buyer1', 'buyer2', 'buyer3', 'buyer4'],
    ['buyer5', 'buyer6', 'buyer7'],
  ])
})

test('a list that fills its last page exactly has no empty page after it', async () => {
  expect(await allPages('desc', 7)).toHaveLength(1)
})

test('rows that are added meanwhile neither come twice nor push any out', async () => {
  const first = await page()
  await addUsers('buyer-new', 5)
  const second = await page(first.next ?? undefined)
  expect([...first.items, ...second.items]).toEqual(['buyer7', 'buyer6', 'buyer5', 'buyer4', 'buyer3', 'buyer2'])
  await database.pool.query("delete from users where username like 'buyer-new%'")
})

test('a cursor that is not ours is refused, also one of another list', async () => {
  for (const cursor of ['', 'x', '!!', writeCursor(['1']), writeCursor([1, 2]), writeCursor([1.5])]) {
    await expect(page(cursor)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  }
})

test('of lists in another order the last row of the page is kept', () => {
  const rows = [1, 2, 3].map((n) => ({ day: `2026-11-0${n}`, provider: 'x' }))
  const keyOf = (row: { day: string; provider: string }) => [row.day, row.provider]
  const { page, next } = cutPage(rows, 2, keyOf)
  expect(page).toEqual(rows.slice(0, 2))
  expect(readCursor(next ?? '', ['string', 'string'])).toEqual(['2026-11-02', 'x'])
  expect(cutPage(rows, 3, keyOf)).toEqual({ page: rows, next: null })
  expect(cutPage([], 3, keyOf)).toEqual({ page: [], next: null })
})
