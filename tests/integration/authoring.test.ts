/** Courses edited in the back office: drafts stay hidden, edits never mix, orders keep their prices, owners keep their courses. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { Answer, ShopApi } from '../harness/shop-api.ts'
import { newStaff, type RunningSystem, until } from '../harness/system.ts'

interface Course {
  readonly id: number
  readonly version: number
  readonly status: string
  readonly price: string
  readonly deletable: boolean
  readonly missing: readonly { field: string }[]
  readonly chapters: readonly { id: number; title: string; lessons: readonly { id: number; title: string }[] }[]
}
interface Lesson {
  readonly id: number
  readonly version: number
  readonly markdown: string
}
interface Problem {
  readonly code: string
  readonly errors?: readonly { field: string; message: string }[]
}

let system: RunningSystem
let editor: ShopApi

beforeAll(async () => {
  system = await borrowShop()
  editor = await newStaff(system, 'editor')
})

afterAll(() => system?.stop())

const FIELDS = {
  title: '屏风与留白',
  promise: '看懂一扇屏风',
  outcomes: ['分辨六种屏风'],
  language: 'zh-CN',
  category: 'history',
  teacher: '',
  price: '58.00',
  originalPrice: null,
  cover: null,
}

let fields = FIELDS
const draft = async (changes: Partial<typeof FIELDS> = {}): Promise<Course> => {
  if (fields.teacher === '') {
    type Choices = { categories: { slug: string }[]; teachers: { slug: string }[] }
    const { body } = await editor.call<Choices>('GET', '/api/admin/course-choices')
    fields = { ...FIELDS, category: body.categories[0]?.slug ?? '', teacher: body.teachers[0]?.slug ?? '' }
  }
  const made = await editor.call<Course>('POST', '/api/admin/courses', { ...fields, ...changes })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body
}
const read = async (id: number): Promise<Course> => (await editor.call<Course>('GET', `/api/admin/courses/${id}`)).body
const act = (id: number, verb: string, version: number) =>
  editor.call<Course & Problem>('POST', `/api/admin/courses/${id}/${verb}`, { version })

async function lessonIn(chapter: number, title: string, changes: object = {}): Promise<Lesson> {
  const { body: made } = await editor.call<Lesson>('POST', `/api/admin/chapters/${chapter}/lessons`, { title })
  const words = { version: made.version, title, minutes: 5, preview: false, markdown: `# ${title}`, video: null }
  return (await editor.call<Lesson>('PUT', `/api/admin/lessons/${made.id}`, { ...words, ...changes })).body
}

/** A draft with two chapters of two lessons. */
async function written(changes: Partial<typeof FIELDS> = {}): Promise<Course> {
  const { id } = await draft(changes)
  for (const title of ['上', '下']) {
    const { body } = await editor.call<Course>('POST', `/api/admin/courses/${id}/chapters`, { title })
    const chapter = body.chapters.at(-1)?.id ?? 0
    for (const part of ['一', '二']) await lessonIn(chapter, title + part, { preview: title + part === '上一' })
  }
  return read(id)
}

async function published(changes: Partial<typeof FIELDS> = {}): Promise<Course> {
  const course = await written(changes)
  const answer = await act(course.id, 'publish', course.version)
  expect(answer.status).toBe(200)
  return answer.body
}

const lessonsOf = (course: Course) => course.chapters.flatMap((chapter) => chapter.lessons)

test('staff preview a draft as a buyer would see it, and nobody else sees it anywhere', async () => {
  const course = await written({ title: '隐藏的屏风' })
  const lesson = lessonsOf(course)[0]?.id
  const addresses = [
    `/api/courses/${course.id}`,
    `/covers/${course.id}.svg`,
    `/api/courses/${course.id}/lessons/${lesson}`,
  ]
  const buyer = await system.buyer()
  for (const who of [system.client(), buyer]) {
    for (const address of addresses) expect((await who.call('GET', address)).status, address).toBe(404)
    const found = await who.call<{ items: unknown[] }>('GET', `/api/courses?q=${encodeURIComponent('隐藏的屏风')}`)
    expect(found.body.items).toEqual([])
  }
  const bought = await buyer.buy([course.id], '58.00')
  expect([bought.status, (bought.body as unknown as Problem).code]).toEqual([404, 'COURSE_NOT_FOUND'])
  for (const address of addresses) {
    const seen = await editor.call<{ status?: string }>('GET', address)
    expect(seen.status, address).toBe(200)
    expect(seen.headers.get('cache-control')).toContain('no-store')
  }
  expect((await editor.call<{ status: string }>('GET', `/api/courses/${course.id}`)).body.status).toBe('draft')
})

test('an incomplete course is not published, and a published one stays complete', async () => {
  const { id, version, missing } = await draft({ promise: '' })
  expect(missing.map(({ field }) => field)).toEqual(['promise', 'chapters'])
  const refused = await act(id, 'publish', version)
  expect([refused.status, refused.body.code]).toEqual([422, 'COURSE_INCOMPLETE'])
  expect(refused.body.errors?.map(({ field }) => field)).toEqual(['promise', 'chapters'])
  expect((await read(id)).status).toBe('draft')

  const course = await published()
  let now = course
  const answers: number[] = []
  for (const chapter of course.chapters) {
    const address = `/api/admin/chapters/${chapter.id}?version=${now.version}`
    answers.push((await editor.call('DELETE', address)).status)
    now = await read(course.id)
  }
  expect(answers).toEqual([200, 422])
  expect(lessonsOf(now)).toHaveLength(2)
})

test('an empty lesson is not shown to buyers yet', async () => {
  const course = await published()
  const chapter = course.chapters[0]?.id ?? 0
  const { body: empty } = await editor.call<Lesson>('POST', `/api/admin/chapters/${chapter}/lessons`, { title: '空' })
  type Detail = { lessonCount: number; chapters: { lessons: { id: number; title: string }[] }[] }
  const titles = async () => {
    const { body } = await system.client().call<Detail>('GET', `/api/courses/${course.id}`)
    return [body.lessonCount, ...body.chapters.flatMap(({ lessons }) => lessons.map(({ title }) => title))]
  }
  await expect.poll(titles).toEqual([4, '上一', '上二', '下一', '下二'])
  const words = { version: empty.version, title: '空', minutes: 5, preview: true, markdown: '有了', video: null }
  await editor.call('PUT', `/api/admin/lessons/${empty.id}`, words)
  await expect.poll(titles).toEqual([5, '上一', '上二', '空', '下一', '下二'])
})

test('of two concurrent edits one is saved, the other is refused as outdated', async () => {
  const course = await written()
  const edit = (price: string) =>
    editor.call<Course>('PUT', `/api/admin/courses/${course.id}`, { ...fields, version: course.version, price })
  const both = await Promise.all([edit('10.00'), edit('20.00')])
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
  expect((await read(course.id)).price).toBe(both.find(({ status }) => status === 200)?.body.price)

  const id = lessonsOf(course)[0]?.id
  const { body: lesson } = await editor.call<Lesson>('GET', `/api/admin/lessons/${id}`)
  const words = { version: lesson.version, title: 'x', minutes: 5, preview: false, video: null }
  const put = (markdown: string) => editor.call<Lesson>('PUT', `/api/admin/lessons/${id}`, { ...words, markdown })
  expect((await Promise.all([put('one'), put('two')])).map(({ status }) => status).sort()).toEqual([200, 409])
})

test('lessons are sorted as a whole: two concurrent sorts do not mix, and an outdated list is refused', async () => {
  const course = await written()
  const [first, second] = course.chapters
  if (!first || !second) throw new Error('two chapters')
  const ids = (chapter: typeof first) => chapter.lessons.map(({ id }) => id)
  const order = (chapters: { id: number; lessons: number[] }[], version: number) =>
    editor.call<Course>('PUT', `/api/admin/courses/${course.id}/order`, { version, chapters })
  const swapped = [
    { id: second.id, lessons: [...ids(second).reverse(), ...ids(first)] },
    { id: first.id, lessons: [] },
  ]
  const other = [
    { id: first.id, lessons: ids(first).reverse() },
    { id: second.id, lessons: ids(second) },
  ]
  const answers = await Promise.all([order(swapped, course.version), order(other, course.version)])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  const now = await read(course.id)
  const shown = now.chapters.map(({ id, lessons }) => ({ id, lessons: lessons.map((lesson) => lesson.id) }))
  expect(shown).toEqual(answers[0]?.status === 200 ? swapped : other)

  const done = await order(swapped, now.version)
  expect(done.status).toBe(200)
  const lacksOne = [
    { id: second.id, lessons: ids(second) },
    { id: first.id, lessons: [] },
  ]
  const twice = [
    { id: second.id, lessons: [...ids(second), ...ids(second)] },
    { id: first.id, lessons: [] },
  ]
  for (const wrong of [lacksOne, twice]) expect((await order(wrong, done.body.version)).status).toBe(409)
})

test('a later change of price affects no order and no refund', async () => {
  const course = await published({ price: '58.00' })
  const buyer = await system.buyer()
  const { body: bought } = await buyer.buy([course.id], '58.00')
  const edited = await editor.call<Course>('PUT', `/api/admin/courses/${course.id}`, {
    ...fields,
    version: course.version,
    price: '99.00',
    originalPrice: '120.00',
  })
  expect(edited.status).toBe(200)
  await expect
    .poll(async () => (await system.client().call<Course>('GET', `/api/courses/${course.id}`)).body.price)
    .toBe('99.00')
  const late = await (await system.buyer()).buy([course.id], '58.00')
  expect((late.body as unknown as Problem).code).toBe('PRICE_MISMATCH')

  await system.sandbox.pay(bought.payUrl)
  const paid = await until(
    () => buyer.order(bought.orderNo),
    ({ status }) => status === 'paid',
  )
  expect([paid.totalAmount, paid.lines[0]?.price]).toEqual(['58.00', '58.00'])
  const owner = system.client()
  await owner.login('admin', 'admin123456')
  const refund = (amount: string): Promise<Answer<Problem>> =>
    owner.call('POST', `/api/admin/orders/${bought.orderNo}/refunds`, {
      lines: [{ courseId: course.id, amount }],
      amount,
      reason: 'test',
    })
  expect((await refund('99.00')).body.code).toBe('REFUND_TOO_MUCH')
  expect((await refund('58.00')).status).toBe(201)
})

test('a course off sale can still be read by its owners and not be deleted; a draft without orders can be deleted', async () => {
  const course = await published({ price: '1.00' })
  const buyer = await system.buyer()
  const { body: bought } = await buyer.buy([course.id], '1.00')
  await system.sandbox.pay(bought.payUrl)
  await until(
    () => buyer.order(bought.orderNo),
    ({ status }) => status === 'paid',
  )
  const off = await act(course.id, 'unpublish', course.version)
  expect(off.body.status).toBe('draft')
  const lessons = lessonsOf(course).map(({ id }) => `/api/courses/${course.id}/lessons/${id}`)
  for (const address of [`/api/courses/${course.id}`, ...lessons]) {
    expect((await buyer.call('GET', address)).status, address).toBe(200)
    expect((await (await system.buyer()).call('GET', address)).status, address).toBe(404)
  }
  expect(await buyer.ownedIds()).toEqual([course.id])
  const path = `/api/admin/courses/${course.id}?version=${off.body.version}`
  expect((await editor.call<Problem>('DELETE', path)).body.code).toBe('COURSE_IN_USE')
  expect(off.body.deletable).toBe(false)

  const unsold = await written()
  expect(unsold.deletable).toBe(true)
  const gone = await editor.call('DELETE', `/api/admin/courses/${unsold.id}?version=${unsold.version}`)
  expect(gone.status).toBe(204)
  expect((await editor.call('GET', `/api/admin/courses/${unsold.id}`)).status).toBe(404)
})

test('invalid fields are named; a repeated request makes nothing twice; every change is in the audit log', async () => {
  await draft()
  const wrong = async (changes: object) =>
    (await editor.call<Problem>('POST', '/api/admin/courses', { ...fields, ...changes })).body.errors?.[0]?.field
  expect(await wrong({ originalPrice: '58.00' })).toBe('originalPrice')
  expect(await wrong({ category: 'nothing-like-it' })).toBe('category')
  expect(await wrong({ teacher: 'nobody' })).toBe('teacher')
  expect(await wrong({ cover: `${'0'.repeat(64)}.png` })).toBe('cover')
  expect(await wrong({ price: '0.001' })).toBe('price')
  expect(await wrong({ title: '   ' })).toBe('title')
  const once = { 'idempotency-key': 'a course' }
  const made = await Promise.all([1, 2].map(() => editor.call<Course>('POST', '/api/admin/courses', fields, once)))
  expect(made[0]?.body.id).toBe(made[1]?.body.id)
  const log = await system.sql<{ action: string; username: string }>(
    'select action, username from audit_log where subject = $1',
    [`courses/${made[0]?.body.id}`],
  )
  expect(log).toEqual([{ action: 'course.create', username: editor.username }])
})
