/** Phones from 320 pixels on, with the longest real prices, names and titles: nothing is wider than the screen, and every action is inside. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { until } from '../harness/system.ts'
import { OWNER } from './back-office.ts'
import { type Buyer, DESKTOP, type Harness, openHarness, settled, type Visit } from './harness.ts'
import { cutOff, NARROW } from './narrow.ts'

const WECHAT_BROWSER =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN'

const LONG = {
  title:
    '从零开始的全栈工程师训练营：TypeScript、PostgreSQL 与分布式系统设计（第三版，含二〇二六年新增章节、全部习题讲解与答疑）',
  english:
    'Understanding Internationalization and Electroencephalography: Counterrevolutionary Characteristics, Volume Three',
  lesson: '为什么不应该把 ElectroencephalographicallyMeasured 这样的词放进标题里：一次完整的讨论与练习',
  teacher: 'Maria-Magdalena Wolfeschlegelsteinhausenbergerdorff-Hausmann',
  role: '中国科学院自动化研究所模式识别国家重点实验室研究员、博士生导师',
  shopZh: '北京市海淀区明德书院网络教育科技有限公司在线课程与电子图书旗舰书店（官方）',
  shopEn: 'Wolfeschlegelsteinhausenbergerdorff Academy of Life Learning',
  person: 'Wolfeschlegelsteinhausenberger.x',
}

let harness: Harness
let buyer: Buyer
const made = { paid: '', unpaid: '', scan: '', cancelled: '', twice: '', return: '', silent: '', lesson: 0, locked: 0 }

async function order(client: ShopApi, courseIds: number[], totalAmount: string, payType = 'alipay') {
  const { body, status } = await client.call<{ orderNo: string; payUrl: string }>('POST', '/api/orders', {
    ...{ courseIds, totalAmount, payType },
  })
  expect(status).toBe(201)
  return body
}

/** Prices of three and five figures, each with a struck price; the longest titles, names and lessons. */
async function lengthen(): Promise<void> {
  const { sql } = harness.system
  await sql('update courses set title = $1, price_fen = 1288800, original_price_fen = 1588800 where id in (1, 4)', [
    LONG.title,
  ])
  await sql('update courses set price_fen = 26800, original_price_fen = 32800 where id = 3')
  await sql('update courses set title = $1, price_fen = 1288800, original_price_fen = 1588800 where id = 6', [
    LONG.english,
  ])
  await sql(
    'update teachers set name = $1, title = $2 where slug in (select teacher_slug from courses where id in (1, 4, 6))',
    [LONG.teacher, LONG.role],
  )
  await sql('update lessons set title = $1 where position in (1, 2)', [LONG.lesson])
}

beforeAll(async () => {
  harness = await openHarness()
  const { system } = harness
  await lengthen()
  const staff = system.client()
  await staff.login(OWNER.username, OWNER.password)
  const named = await staff.call('PUT', '/api/admin/shop-identity', {
    ...{ version: 1, nameZh: LONG.shopZh, nameEn: LONG.shopEn, icp: '京ICP备2026012345678号-12' },
    contact: {
      text: '周一至周五 9:00–18:00，节假日除外',
      phone: '+86 (010) 8888-8888',
      email: 'customer.service.department@wolfeschlegelsteinhausenbergerdorff.example',
      chatId: 'wolfeschlegelsteinhausenbergerdorff_2026',
    },
  })
  expect(named.status).toBe(200)

  buyer = { username: LONG.person, password: 'a long password' }
  const client = system.client()
  await client.register(buyer.username)
  const becomes = (orderNo: string, wanted: string) =>
    until(
      () => client.order(orderNo),
      ({ status }) => status === wanted,
      30_000,
    )
  const paid = await order(client, [1, 3], '13156.00')
  await system.sandbox.pay(paid.payUrl)
  await becomes(paid.orderNo, 'paid')
  const unpaid = await order(client, [4, 6], '25776.00')
  const scan = await order(client, [6], '12888.00', 'wechat')
  const cancelled = await order(client, [2], '49.00')
  await client.call('POST', `/api/orders/${cancelled.orderNo}/cancel`)

  // Paid twice: the second payment is refunded.
  const twice = await order(client, [9], '29.00')
  const again = await client.call<{ payUrl: string }>('POST', `/api/orders/${twice.orderNo}/payment`, {
    payType: 'alipay',
  })
  await system.sandbox.pay(again.body.payUrl)
  const back = new URL((await system.sandbox.pay(twice.payUrl)).returnUrl)

  // The gateway does not answer about one order.
  const silent = await order(client, [2], '49.00')
  await system.sandbox.send('POST', '/faults', { kind: 'http-500', scope: { outTradeNo: silent.orderNo } })
  const lessonsOf = async (id: number) => {
    const { body } = await client.call<{ chapters: { lessons: { id: number; preview: boolean }[] }[] }>(
      'GET',
      `/api/courses/${id}`,
    )
    return body.chapters.flatMap(({ lessons }) => lessons)
  }
  Object.assign(made, {
    ...{ paid: paid.orderNo, unpaid: unpaid.orderNo, scan: scan.orderNo, cancelled: cancelled.orderNo },
    ...{ twice: twice.orderNo, return: back.pathname + back.search, silent: silent.orderNo },
    lesson: (await lessonsOf(1)).at(1)?.id,
    locked: (await lessonsOf(3)).find(({ preview }) => !preview)?.id,
  })
})
afterAll(() => harness?.close())

type Role = 'stranger' | 'buyer' | 'wechatBrowser'

interface Row {
  readonly name: string
  readonly path: () => string
  readonly who: Role
  /** The element to press, and the element that then shows. */
  readonly press?: string
  readonly shows?: string
}

const row = (who: Role, name: string, path: () => string, more: Partial<Row> = {}): Row => ({
  name,
  path,
  who,
  ...more,
})

const PAGES: readonly Row[] = [
  row('stranger', 'home', () => '/'),
  row('stranger', 'the open menu', () => '/', { press: '[data-testid=menu]', shows: 'nav.open' }),
  row('stranger', 'free courses', () => '/free-courses'),
  row('stranger', 'search', () => '/search?q=PostgreSQL'),
  row('stranger', 'nothing found', () => `/search?q=${encodeURIComponent(LONG.shopEn.slice(0, 40))}`),
  row('stranger', 'a course for three figures', () => '/courses/3'),
  row('stranger', 'a course for five figures', () => '/courses/4'),
  row('stranger', 'a course with long words', () => '/courses/6'),
  row('stranger', 'a free course', () => '/courses/5'),
  row('stranger', 'login', () => '/login?next=%2Fcheckout%3Fcourses%3D4'),
  row('stranger', 'login left empty', () => '/login', { press: '[data-testid=login-submit]', shows: '[aria-invalid]' }),
  row('stranger', 'register left empty', () => '/register', {
    press: '[data-testid=register-submit]',
    shows: '[aria-invalid]',
  }),
  row('stranger', 'a locked lesson', () => `/learn/3/${made.locked}`),
  row('stranger', 'no such page', () => '/no/such/page'),
  row('buyer', 'the open menu of a buyer', () => '/', { press: '[data-testid=menu]', shows: 'nav.open' }),
  row('buyer', 'an owned course', () => '/courses/1'),
  row('buyer', 'checkout', () => '/checkout?courses=4,6,1,5,999'),
  row('buyer', 'checkout of what is owned', () => '/checkout?courses=1'),
  row('buyer', 'another password', () => '/account/password'),
  row('buyer', 'orders', () => '/orders'),
  row('buyer', 'a paid order', () => `/orders/${made.paid}`),
  row('buyer', 'a refund request', () => `/orders/${made.paid}`, {
    press: '[data-testid=refund-ask]',
    shows: 'dialog[open]',
  }),
  row('buyer', 'an unpaid order', () => `/orders/${made.unpaid}`),
  row('buyer', 'cancelling', () => `/orders/${made.unpaid}`, {
    press: '[data-testid=order-cancel]',
    shows: '[data-testid=order-cancel-yes]',
  }),
  row('buyer', 'a cancelled order', () => `/orders/${made.cancelled}`),
  row('buyer', 'an order paid twice', () => `/orders/${made.twice}`),
  row('buyer', 'an order without an answer', () => `/orders/${made.silent}`, {
    shows: '[data-testid=payment-unknown]',
  }),
  row('buyer', 'a code to scan', () => `/orders/${made.scan}/pay`, { shows: '[data-testid=pay-code]' }),
  row('buyer', 'the return of a second payment', () => made.return, { shows: '[data-testid=refund-extra]' }),
  row('buyer', 'a return, not paid', () => `/pay/success?order=${made.unpaid}`, { shows: '[data-testid=pay-again]' }),
  row('buyer', 'a return without an answer', () => `/pay/success?order=${made.silent}`, {
    shows: '[data-testid=ask-gateway]',
  }),
  row('buyer', 'my courses', () => '/my/courses'),
  row('buyer', 'a lesson', () => `/learn/1/${made.lesson}`, { shows: '[data-testid=lesson-body]' }),
  row('buyer', 'the chapters', () => `/learn/1/${made.lesson}`, {
    press: '[data-testid=open-chapters]',
    shows: 'dialog[open]',
  }),
  row('wechatBrowser', 'to be opened in another browser', () => `/orders/${made.unpaid}/elsewhere`, {
    shows: '[data-testid=order-address]',
  }),
]

const PICTURES = process.env['XUECHENG_SCREENSHOTS']
const ALSO = [...NARROW, 1280]

describe.each(['zh-CN', 'en'] as const)('%s', (language) => {
  let visits: Record<Role, Visit>
  beforeAll(async () => {
    const manner = { ...DESKTOP, width: 390, language }
    visits = {
      stranger: await harness.visit(manner),
      buyer: await harness.visitAs(buyer, manner),
      wechatBrowser: await harness.visitAs(buyer, { ...manner, userAgent: WECHAT_BROWSER }),
    }
  })
  afterAll(async () => {
    for (const visit of Object.values(visits ?? {})) await visit.close()
  })

  test.each(PAGES.map((page) => [page.name, page] as const))('%s', async (name, { path, who, press, shows }) => {
    const { page, open } = visits[who]
    await page.setViewportSize({ width: 390, height: 720 })
    await open(path())
    await settled(page)
    if (press) await page.locator(press).first().click()
    if (shows) await page.locator(shows).first().waitFor()
    const wrong = []
    for (const width of PICTURES ? ALSO : NARROW) {
      wrong.push(...(await cutOff(page, width)))
      if (PICTURES) await picture(page, name, width)
    }
    expect(wrong).toEqual([])
  })

  async function picture(page: Visit['page'], name: string, width: number): Promise<void> {
    const folder = join(PICTURES ?? '', 'narrow', `${width}-${language}`)
    mkdirSync(folder, { recursive: true })
    await page.screenshot({ path: join(folder, `${name.replace(/\W+/g, '-')}.png`) })
  }
})
