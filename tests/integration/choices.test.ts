/** Categories and teachers in the back office: buyers see changes at once, each is audited, and one in use is never deleted. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { newStaff, type RunningSystem, until } from '../harness/system.ts'

interface Category {
  readonly slug: string
  readonly nameZh: string
  readonly nameEn: string
  readonly courses: number
}
interface Teacher {
  readonly slug: string
  readonly name: string
  readonly title: string
  readonly bio: string
  readonly courses: number
}
interface Problem {
  readonly code: string
}

let system: RunningSystem
let editor: ShopApi

beforeAll(async () => {
  system = await borrowShop()
  editor = await newStaff(system, 'editor')
})

afterAll(() => system?.stop())

const admin = <Body>(method: string, path: string, body?: unknown) =>
  editor.call<Body>(method, `/api/admin${path}`, body)
const categories = async () => (await admin<{ items: Category[] }>('GET', '/categories')).body.items
const teachers = async () => (await admin<{ items: Teacher[] }>('GET', '/teachers')).body.items
const slugs = (items: readonly { slug: string }[]) => items.map(({ slug }) => slug)

/** The categories that buyers get, from any web process. */
const shown = async () => (await system.client().call<{ items: Category[] }>('GET', '/api/categories')).body.items

async function addCategory(nameZh: string): Promise<string> {
  const added = await admin<{ slug: string }>('POST', '/categories', { nameZh, nameEn: `${nameZh} in English` })
  expect(added.status).toBe(201)
  return added.body.slug
}

async function course(category: string, teacher: string): Promise<{ status: number; body: { id: number } & Problem }> {
  const fields = { title: '砚', promise: '', outcomes: [], language: 'zh-CN', category, teacher }
  return admin('POST', '/courses', { ...fields, price: '9.00', originalPrice: null, cover: null })
}

const written = (action: string, subject: string) =>
  system.sql<{ username: string; before: unknown; after: unknown }>(
    'select username, before, after from audit_log where action = $1 and subject = $2 order by id',
    [action, subject],
  )

test('buyers see a category added, renamed and deleted at once, and each is in the audit log', async () => {
  const slug = await addCategory('文房')
  await until(shown, (items) => slugs(items).includes(slug))
  expect((await categories()).at(-1)).toEqual({ slug, nameZh: '文房', nameEn: '文房 in English', courses: 0 })

  const renamed = { nameZh: '文房四宝', nameEn: 'Treasures of the study' }
  expect((await admin('PUT', `/categories/${slug}`, renamed)).status).toBe(204)
  await until(shown, (items) => items.some((each) => each.nameZh === '文房四宝'))

  expect((await admin('DELETE', `/categories/${slug}`)).status).toBe(204)
  await until(shown, (items) => !slugs(items).includes(slug))
  expect((await admin<Problem>('DELETE', `/categories/${slug}`)).body.code).toBe('CHOICE_NOT_FOUND')
  expect((await admin<Problem>('PUT', `/categories/${slug}`, renamed)).body.code).toBe('CHOICE_NOT_FOUND')

  const subject = `categories/${slug}`
  expect(await written('category.create', subject)).toHaveLength(1)
  expect(await written('category.edit', subject)).toEqual([
    { username: editor.username, before: { nameZh: '文房', nameEn: '文房 in English' }, after: renamed },
  ])
  expect(await written('category.delete', subject)).toHaveLength(1)
})

test('buyers see categories in the order that was set; a change made from an outdated list is refused', async () => {
  const before = slugs(await categories())
  const wanted = before.toReversed()
  expect((await admin('PUT', '/categories-order', { slugs: wanted })).status).toBe(204)
  expect(slugs(await categories())).toEqual(wanted)
  await until(shown, (items) => slugs(items).join() === wanted.join())

  const added = await addCategory('后来的')
  for (const stale of [before, [...wanted, wanted[0]], [...wanted, 'nowhere']]) {
    const refused = await admin<Problem>('PUT', '/categories-order', { slugs: stale })
    expect([refused.status, refused.body.code]).toEqual([409, 'CHOICES_CHANGED'])
  }
  expect(slugs(await categories())).toEqual([...wanted, added])
})

test('a teacher changes on every course at once, and cannot be deleted while a course has them', async () => {
  const fields = { name: '顾青', title: '书法家', bio: '写字三十年。' }
  const { body: added } = await admin<{ slug: string }>('POST', '/teachers', fields)
  const [first] = await categories()
  const made = await course(first?.slug ?? '', added.slug)
  expect(made.status).toBe(201)
  expect((await teachers()).at(-1)).toEqual({ slug: added.slug, ...fields, courses: 1 })

  const now = { ...fields, title: '书法家、篆刻家' }
  expect((await admin('PUT', `/teachers/${added.slug}`, now)).status).toBe(204)
  const seen = await editor.call<{ teacher: object }>('GET', `/api/courses/${made.body.id}`)
  expect(seen.body.teacher).toMatchObject({ title: '书法家、篆刻家' })

  const refused = await admin<Problem>('DELETE', `/teachers/${added.slug}`)
  expect([refused.status, refused.body.code]).toEqual([409, 'CHOICE_IN_USE'])
  expect(slugs(await teachers())).toContain(added.slug)
  const order = slugs(await teachers()).toReversed()
  expect((await admin('PUT', '/teachers-order', { slugs: order })).status).toBe(204)
  expect(slugs(await teachers())).toEqual(order)
})

test('a category is not deleted while a course is being given it', async () => {
  const [teacher] = slugs(await teachers())
  const outcomes: string[] = []
  for (let round = 0; round < 12; round += 1) {
    const slug = await addCategory(`抢 ${round}`)
    const [deleted, made] = await Promise.all([
      admin<Problem>('DELETE', `/categories/${slug}`),
      course(slug, teacher ?? ''),
    ])
    outcomes.push(`${deleted.status} ${made.status}`)
    const there = slugs(await categories()).includes(slug)
    expect(there).toBe(made.status === 201)
  }
  for (const outcome of outcomes) expect(['204 422', '409 201']).toContain(outcome)
})

test('a name is required, and limited in length', async () => {
  for (const nameZh of ['', '   ', '字'.repeat(41)]) {
    expect((await admin('POST', '/categories', { nameZh, nameEn: 'Name' })).status).toBe(422)
  }
  const anonymous = { name: ' ', title: '书法家', bio: '' }
  expect((await admin('POST', '/teachers', anonymous)).status).toBe(422)
})

test('a button pressed twice makes one category', async () => {
  const key = { 'idempotency-key': 'a-category-1' }
  const press = () =>
    editor.call<{ slug: string }>('POST', '/api/admin/categories', { nameZh: '一次', nameEn: 'Once' }, key)
  const [one, two] = await Promise.all([press(), press()])
  const made = (await categories()).filter(({ nameZh }) => nameZh === '一次')
  expect(made).toHaveLength(1)
  expect([one.body.slug, two.body.slug].filter((slug) => slug === made[0]?.slug).length).toBeGreaterThan(0)
})
