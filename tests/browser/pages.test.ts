/** Every page by its address: it loads, has its title, does not shift, fits, and has no problems. */
import type { Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  jumped,
  type Manner,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'
import { shoot } from './screenshots.ts'

/** A smaller layout shift is not noticed; a larger one makes people press the wrong thing. */
const MAX_JUMP = 0.02

let harness: Harness
let buyer: Buyer
/** The parts of the addresses. */
const made = { paid: '', unpaid: '', return: '', lesson: 0, lockedLesson: 0 }

beforeAll(async () => {
  harness = await openHarness()
  buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const first = (await client.buy([1], '39.00')).body
  const { returnUrl } = await harness.system.sandbox.pay(first.payUrl)
  const second = (await client.buy([2, 3], '99.00')).body
  const address = new URL(returnUrl)
  const course = async (id: number) =>
    (await client.call<{ chapters: { lessons: { id: number; preview: boolean }[] }[] }>('GET', `/api/courses/${id}`))
      .body
  const lessons = async (id: number) => (await course(id)).chapters.flatMap((chapter) => chapter.lessons)
  Object.assign(made, {
    paid: first.orderNo,
    unpaid: second.orderNo,
    return: address.pathname + address.search,
    lesson: (await lessons(1)).at(1)?.id,
    lockedLesson: (await lessons(3)).find((lesson) => !lesson.preview)?.id,
  })
})
afterAll(() => harness?.close())

interface Deep {
  readonly name: string
  readonly path: () => string
  readonly title: { readonly 'zh-CN': string; readonly en: string }
}

const both = (title: string) => ({ 'zh-CN': title, en: title })

const PUBLIC: readonly Deep[] = [
  {
    name: 'home',
    path: () => '/',
    title: { 'zh-CN': '学城 · 安静的在线课程书店', en: 'Xuecheng · a quiet bookshop for courses' },
  },
  {
    name: 'free courses',
    path: () => '/free-courses',
    title: { 'zh-CN': '免费课程 · 学城', en: 'Free courses · Xuecheng' },
  },
  {
    name: 'course',
    path: () => '/courses/3',
    title: { 'zh-CN': '读懂光：曝光与构图 · 学城', en: '读懂光：曝光与构图 · Xuecheng' },
  },
  {
    name: 'search',
    path: () => '/search?q=SQL',
    title: { 'zh-CN': '搜索“SQL” · 学城', en: 'Search “SQL” · Xuecheng' },
  },
  { name: 'login', path: () => '/login', title: { 'zh-CN': '登录 · 学城', en: 'Log in · Xuecheng' } },
  { name: 'register', path: () => '/register', title: { 'zh-CN': '注册 · 学城', en: 'Sign up · Xuecheng' } },
  {
    name: 'a locked lesson',
    path: () => `/learn/3/${made.lockedLesson}`,
    title: { 'zh-CN': '读懂光：曝光与构图 · 学城', en: '读懂光：曝光与构图 · Xuecheng' },
  },
  {
    name: 'an unknown address',
    path: () => '/no/such/page',
    title: { 'zh-CN': '没有这一页 · 学城', en: 'Page not found · Xuecheng' },
  },
]

const OWN: readonly Deep[] = [
  {
    name: 'checkout',
    path: () => '/checkout?courses=4,6',
    title: { 'zh-CN': '确认订单 · 学城', en: 'Check out · Xuecheng' },
  },
  {
    name: 'another password',
    path: () => '/account/password',
    title: { 'zh-CN': '修改密码 · 学城', en: 'Change password · Xuecheng' },
  },
  { name: 'orders', path: () => '/orders', title: { 'zh-CN': '我的订单 · 学城', en: 'My orders · Xuecheng' } },
  {
    name: 'a paid order',
    path: () => `/orders/${made.paid}`,
    title: { 'zh-CN': '订单', en: 'Order' },
  },
  {
    name: 'an unpaid order',
    path: () => `/orders/${made.unpaid}`,
    title: { 'zh-CN': '订单', en: 'Order' },
  },
  { name: 'return', path: () => made.return, title: { 'zh-CN': '付款结果 · 学城', en: 'Payment result · Xuecheng' } },
  { name: 'my courses', path: () => '/my/courses', title: { 'zh-CN': '我的课程 · 学城', en: 'My courses · Xuecheng' } },
  { name: 'a lesson', path: () => `/learn/1/${made.lesson}`, title: both('判断与循环 · Python 从零写起') },
]

async function inspect(visit: Visit, deep: Deep, manner: Manner): Promise<void> {
  const { page } = visit
  await visit.open(deep.path())
  await settled(page)
  await eventually(() => page.title()).toContain(deep.title[manner.language])
  expect(await page.locator('html').getAttribute('lang')).toBe(manner.language)
  expect(await page.locator('h1').count()).toBe(1)
  expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
  expect(await violations(page)).toEqual([])
  expect(await jumped(page)).toBeLessThan(MAX_JUMP)
  await shoot(page, 'shop', deep.name, manner)
  expect(visit.problems.splice(0)).toEqual([])
}

describe.each([
  ['1280 pixels, Chinese, light', DESKTOP],
  ['390 pixels, English, dark', PHONE],
  ['1280 pixels, English, light', { ...DESKTOP, language: 'en' }],
  ['390 pixels, Chinese, dark', { ...PHONE, language: 'zh-CN' }],
] satisfies [string, Manner][])('%s', (_, manner) => {
  let stranger: Visit
  let own: Visit
  beforeAll(async () => {
    stranger = await harness.visit(manner)
    own = await harness.visitAs(buyer, manner)
  })
  afterAll(async () => {
    await stranger?.close()
    await own?.close()
  })

  test.each(PUBLIC.map((deep) => [deep.name, deep] as const))('%s', (_name, deep) => inspect(stranger, deep, manner))
  test.each(OWN.map((deep) => [deep.name, deep] as const))('%s', (_name, deep) => inspect(own, deep, manner))

  test.each(['/orders', '/my/courses', `/checkout?courses=1`])('%s asks a visitor to log in first', async (path) => {
    await stranger.open(path)
    await stranger.page.getByTestId('login-needed').waitFor()
    expect(new URL(stranger.page.url()).searchParams.get('next')).toBe(path)
  })
})

test.each([
  ['/', DESKTOP],
  ['/', PHONE],
  ['/courses/3', DESKTOP],
  ['/courses/3', PHONE],
])('%s preloads what it needs, and fetches nothing twice', async (path, manner) => {
  const visit = await harness.visit(manner)
  const asked: string[] = []
  visit.page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await visit.open(path)
  await settled(visit.page)
  const ahead = await visit.page.evaluate<string[]>(
    `[...document.head.querySelectorAll('link[crossorigin]')].map((link) => new URL(link.href).pathname)`,
  )
  const needed = asked.filter((name) => /^\/(api|assets)\//.test(name))
  expect(needed.length).toBeGreaterThan(10)
  expect(needed).toEqual([...new Set(needed)])
  const entry = needed.filter((name) => name.startsWith('/assets/index-') && name.endsWith('.js'))
  expect(needed.filter((name) => !ahead.includes(name))).toEqual(entry)
  await visit.close()
})

test('the language is switched in the header, set on the document, and kept after a reload', async () => {
  const visit = await harness.visit({ width: 1280, language: 'zh-CN' })
  const { page } = visit
  await visit.open('/free-courses')
  await page.getByTestId('language-switch').click()
  await eventually(() => page.title()).toBe('Free courses · Xuecheng')
  expect(await page.locator('html').getAttribute('lang')).toBe('en')
  await page.reload()
  await page.getByRole('heading', { level: 1, name: 'Free, and still worth your time.' }).waitFor()
  expect(visit.problems).toEqual([])
  await visit.close()
})

test('lessons: keys turn pages, the last lesson is remembered, and logging out locks them', async () => {
  const visit = await harness.visitAs(buyer, DESKTOP)
  const { page } = visit
  const keptPlace = async () => {
    const answer = await page.request.get(`${harness.system.shopUrl}/api/me/courses`)
    const { items } = (await answer.json()) as { items: { course: { id: number }; lastLessonId: number | null }[] }
    return `/learn/1/${items.find(({ course }) => course.id === 1)?.lastLessonId}`
  }
  await visit.open('/learn/1')
  await page.getByTestId('lesson-body').waitFor()
  const first = new URL(page.url()).pathname
  await eventually(keptPlace).toBe(first)
  await page.keyboard.press('ArrowRight')
  await page.waitForURL((url) => url.pathname !== first)
  const second = new URL(page.url()).pathname
  await eventually(keptPlace).toBe(second)

  // Back and forth while the first answer is slow: the current lesson is remembered.
  let answerFirst = () => {}
  const slow = new Promise<void>((resolve) => {
    answerFirst = resolve
  })
  const holdBack = async (route: Route) => {
    await slow
    await route.continue()
  }
  await page.route('**/place', holdBack, { times: 1 })
  const asked = page.waitForRequest((request) => request.url().endsWith('/place'))
  await page.keyboard.press('k')
  await page.waitForURL((url) => url.pathname === first)
  await asked
  await page.keyboard.press('j')
  await page.waitForURL((url) => url.pathname === second)
  await page.getByTestId('lesson-body').waitFor()
  const keptFirst = page.waitForResponse((response) => response.url().endsWith('/place') && response.ok())
  answerFirst()
  await keptFirst
  await eventually(keptPlace).toBe(second)

  await visit.open('/learn/1')
  await page.waitForURL((url) => url.pathname === second)
  await page.getByTestId('logout').click()
  await page.waitForURL((url) => url.pathname === '/')
  await page.getByRole('link', { name: '立即购买《Python 从零写起》' }).waitFor()
  await page.goBack()
  await page.getByTestId('lesson-locked').waitFor()
  expect(visit.problems).toEqual([])
  await visit.close()
})

test('on a phone the chapters open in a drawer', async () => {
  const visit = await harness.visitAs(buyer, PHONE)
  const { page } = visit
  await visit.open(`/learn/1/${made.lesson}`)
  await page.getByTestId('open-chapters').click()
  await page.locator('dialog[open]').getByRole('link', { name: '文件与出错' }).click()
  await eventually(() => page.locator('h1').innerText()).toBe('文件与出错')
  expect(await page.locator('dialog[open]').count()).toBe(0)
  expect(visit.problems).toEqual([])
  await visit.close()
})

test('a page without network says so, and loads when retried', async () => {
  const visit = await harness.visit(PHONE)
  const { page } = visit
  await visit.open('/login')
  await settled(page)
  await page.route('**/api/courses*', (route) => route.abort('internetdisconnected'))
  await page.locator('header').getByRole('link', { name: 'Xuecheng' }).click()
  await page.getByText('You seem to be offline').waitFor()
  await page.unroute('**/api/courses*')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByTestId('buy-now').first().waitFor()
  await visit.close()
})

test('a failing server is named as the cause, with a way to retry', async () => {
  const visit = await harness.visit(DESKTOP)
  const { page } = visit
  await page.route('**/api/courses/3', (route) => route.fulfill({ status: 502, body: 'Bad gateway' }))
  await visit.open('/courses/3')
  await page.getByText('服务器暂时没有响应').waitFor()
  await page.unroute('**/api/courses/3')
  await page.getByRole('button', { name: '再试一次' }).click()
  await page.getByTestId('buy-now').waitFor()
  await visit.close()
})
