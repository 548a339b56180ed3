/** The catalogue is served from memory, and still every process shows a changed price at once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { searchCourses } from '../../apps/shop/src/catalog/authoring/read.ts'
import { MAX_SCANNED } from '../../apps/shop/src/catalog/courses.ts'
import { countLearners } from '../../apps/shop/src/catalog/learners.ts'
import { connect } from '../../apps/shop/src/db/connect.ts'
import { type System, startSystem } from '../harness/system.ts'

let system: System

beforeAll(async () => {
  system = await startSystem()
})

afterAll(() => system?.stop())

/** A new connection each, so that each web process answers some of them. */
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

test('while no changes can be published, no outdated data is served', async () => {
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

interface Page {
  readonly items: { id: number; title: string }[]
  readonly next: string | null
}

/** All pages of a list. */
async function pages(query: Record<string, string>): Promise<Page[]> {
  const all: Page[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const asked = new URLSearchParams({ ...query, ...(cursor && { cursor }) })
    const page = (await (await fetch(`${system.shopUrl}/api/courses?${asked}`)).json()) as Page
    all.push(page)
    cursor = page.next
  }
  return all
}

test('a page searches a limited number of courses, and all pages together list each course once, in order', async () => {
  const count = 2 * MAX_SCANNED + 100
  await system.sql(
    `insert into courses (slug, category_slug, teacher_slug, language, title, promise, outcomes, price_fen, published_at)
     select 'many-' || n, (select slug from categories limit 1), (select slug from teachers limit 1), 'en',
       case when n = 1 then 'A Needle' else 'Hay ' || n end, '', '{}', 100 + n % 7, now() - n * interval '1 second'
     from generate_series(1, $1::int) n order by n`,
    [count],
  )
  // The oldest course is found by a search that had to load two further pages.
  const found = await pages({ q: `hay ${count}` })
  expect(found.map(({ items }) => items.map(({ title }) => title))).toEqual([[], [], [`Hay ${count}`]])
  for (const sort of ['newest', 'price', '-price', 'popular']) {
    for (const [filter, wanted] of [
      [{ q: 'hay' }, count - 1],
      [{ q: 'needle' }, 1],
      [{ kind: 'paid', q: 'hay needle' }, 0],
    ] as const) {
      const ids = (await pages({ ...filter, sort, limit: '100' })).flatMap(({ items }) => items.map(({ id }) => id))
      expect([sort, ids.length, new Set(ids).size]).toEqual([sort, wanted, wanted])
      if (wanted < 2) continue
      const key = { newest: '-n.ms', price: 'n.price_fen', '-price': '-n.price_fen', popular: '-n.learners' }[sort]
      const inOrder = await system.sql<{ id: number }>(
        `select id from (select *, floor(extract(epoch from published_at) * 1000) as ms from courses) n
         where title like 'Hay%' order by ${key}, id`,
      )
      expect(ids).toEqual(inOrder.map(({ id }) => id))
    }
  }
})

test("the back office's course search is limited as well, and its pages together list each course once", async () => {
  const { db, close } = connect(readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim(), 1)
  const titles: string[] = []
  let asked = 0
  for (let cursor: string | null | undefined; cursor !== null; asked += 1) {
    const page = await searchCourses(db, { q: 'Hay 1', ...(cursor && { cursor }) }, 500)
    titles.push(...page.items.map(({ title }) => title))
    cursor = page.next
  }
  await close()
  const wanted = await system.sql<{ title: string }>(
    "select title from courses where title like 'Hay 1%' order by id desc",
  )
  expect(titles).toEqual(wanted.map(({ title }) => title))
  expect(asked).toBeGreaterThan(titles.length / 50)
})

test('popular courses are those with most learners at the last count', async () => {
  const [course] = await system.sql<{ id: number }>("select id from courses where title = 'Hay 77'")
  await system.sql(
    `insert into enrolments (user_id, course_id, granted_at, granted_by) select id, $1, now(), 'staff' from users`,
    [course?.id],
  )
  const { db, close } = connect(readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim(), 1)
  await countLearners(db)
  await close()
  await expect
    .poll(async () => (await pages({ sort: 'popular', limit: '100', q: 'hay' }))[0]?.items[0]?.id, { timeout: 5000 })
    .toBe(course?.id)
})
