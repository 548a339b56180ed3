/** Buying over HTTP: prices, repeated requests, ownership, and refusals of the API. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import { type RunningSystem, until } from '../harness/system.ts'

let system: RunningSystem
beforeAll(async () => {
  system = await borrowShop()
})
afterAll(() => system.stop())

const rowCount = async () =>
  (
    await system.sql<{ n: number }>(
      'select ((select count(*) from orders) + (select count(*) from order_lines) + (select count(*) from payment_attempts) + (select count(*) from order_history))::int as n',
    )
  )[0]?.n

test.each(['137.99', '138.01', '0.01', '39.00', '0.00', '138', '138.0'])(
  'three courses of 138.00 asked for at %s',
  async (amount) => {
    const buyer = await system.buyer()
    const before = await rowCount()
    const { status, body } = await buyer.buy([1, 2, 3], amount)
    if (['138', '138.0'].includes(amount)) return expect(status).toBe(201)
    expect(status).toBe(422)
    expect(body).toMatchObject({ code: 'PRICE_MISMATCH', status: 422 })
    expect(await rowCount()).toBe(before)
  },
)

test.each([-1, 138, '1e2', '138.001', 'abc', '', null])('the amount %j is refused', async (amount) => {
  const buyer = await system.buyer()
  const { status, body } = await buyer.call('POST', '/api/orders', {
    courseIds: [1, 2, 3],
    totalAmount: amount,
    payType: 'alipay',
  })
  expect(status).toBe(422)
  expect(body).toMatchObject({ code: 'INVALID_INPUT', errors: [{ field: 'totalAmount' }] })
})

test('an order has a number of 32 characters, a line for each course at its price, and a pay link of exactly its amount', async () => {
  const buyer = await system.buyer()
  const { status, body } = await buyer.buy([3, 1, 2], '138.00')
  expect(status).toBe(201)
  expect(body.orderNo).toMatch(/^[0-9a-f]{32}$/)
  const link = new URL(body.payUrl).searchParams
  const content: unknown = JSON.parse(link.get('biz_content') ?? '')
  expect(content).toMatchObject({
    out_trade_no: body.orderNo,
    total_amount: '138.00',
    product_code: 'FAST_INSTANT_TRADE_PAY',
  })
  const order = await buyer.order(body.orderNo)
  expect(order.lines.map((line) => line.courseId)).toEqual([3, 1, 2])
  expect(order).toMatchObject({ status: 'unpaid', totalAmount: '138.00', tradeNo: null })
})

test('a repeated purchase returns the same unpaid order, even twenty times at once', async () => {
  const buyer = await system.buyer()
  const answers = await Promise.all(Array.from({ length: 20 }, () => buyer.buy([1, 2], '88.00')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(answers.map(({ body }) => body.orderNo)).size).toBe(1)
})

test('an Idempotency-Key gives the same answer for the same body and refuses another', async () => {
  const buyer = await system.buyer()
  const key = { 'idempotency-key': randomUUID() }
  const [first, second] = await Promise.all([buyer.buy([1], '39.00', key), buyer.buy([1], '39.00', key)])
  expect(second.body).toEqual(first.body)
  const other = await buyer.buy([2], '49.00', key)
  expect(other.status).toBe(422)
  expect(other.body).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
})

test('a course that is owned is not sold again', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    (order) => order.status === 'paid',
  )
  const again = await buyer.buy([1, 2], '88.00')
  expect(again.status).toBe(409)
  expect(again.body).toMatchObject({ code: 'COURSE_ALREADY_OWNED' })
})

test("another buyer's order is not found", async () => {
  const [owner, stranger] = await Promise.all([system.buyer(), system.buyer()])
  const { body } = await owner.buy([1], '39.00')
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/events'],
    ['POST', '/payment'],
    ['POST', '/cancel'],
  ] as const) {
    const answer = await stranger.call<{ code: string }>(method, `/api/orders/${body.orderNo}${path}`)
    expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'ORDER_NOT_FOUND'])
  }
  const nobody = system.client()
  expect((await nobody.call('GET', `/api/orders/${body.orderNo}`)).status).toBe(401)
})

test('cancelling closes at the gateway first; a cancelled order cannot be paid again', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  expect((await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)).body).toMatchObject({ status: 'cancelled' })
  const again = await buyer.call('POST', `/api/orders/${body.orderNo}/payment`, {})
  expect(again.status).toBe(409)
  expect(again.body).toMatchObject({ code: 'ORDER_NOT_PAYABLE' })
  expect((await buyer.buy([1], '39.00')).body.orderNo).not.toBe(body.orderNo)
})

test('cancelling an order that was paid meanwhile reports it paid, with or without notifications', async () => {
  const buyer = await system.buyer()
  await system.sandbox.notifications(false)
  try {
    const { body } = await buyer.buy([2], '49.00')
    await system.sandbox.pay(body.payUrl)
    const cancelled = await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
    expect(cancelled.body).toMatchObject({ code: 'ORDER_NOT_CANCELLABLE' })
    expect((await buyer.order(body.orderNo)).status).toBe('paid')
    expect(await buyer.ownedIds()).toEqual([2])
  } finally {
    await system.sandbox.notifications(true)
  }
})

test('a problem is described in the reader’s language, with a stable code', async () => {
  const nobody = system.client()
  const zh = await nobody.call<{ title: string }>('GET', '/api/me')
  const en = await nobody.call<{ title: string }>('GET', '/api/me', undefined, { 'accept-language': 'en-GB,en;q=0.8' })
  expect(zh.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect([zh.body.title, en.body.title]).toEqual(['请先登录', 'Please log in'])
})

test('both forms of the token work; a forged or expired one does not; another site’s page cannot use the cookie', async () => {
  const buyer = await system.buyer()
  const me = (headers: Record<string, string>) => system.client().call('GET', '/api/me', undefined, headers)
  expect((await me({ authorization: `jwt ${buyer.token}` })).status).toBe(200)
  expect((await me({ authorization: `Bearer ${buyer.token}x` })).status).toBe(401)
  const cookie = { cookie: `xuecheng_session=${buyer.token}`, origin: 'https://evil.example' }
  const order = { courseIds: [1], totalAmount: '39.00', payType: 'alipay' }
  const forged = await system.client().call('POST', '/api/orders', order, cookie)
  expect(forged.body).toMatchObject({ code: 'FORBIDDEN_ORIGIN' })
  await buyer.call('DELETE', '/api/session')
  expect((await me({ authorization: `Bearer ${buyer.token}` })).status).toBe(401)
})

test('lessons: previews for anyone, the rest for owners', async () => {
  const buyer = await system.buyer()
  const course = (
    await buyer.call<{ chapters: { lessons: { id: number; preview: boolean }[] }[] }>('GET', '/api/courses/1')
  ).body
  const lessons = course.chapters.flatMap((chapter) => chapter.lessons)
  const [preview, locked] = [lessons.find((lesson) => lesson.preview), lessons.find((lesson) => !lesson.preview)]
  const nobody = system.client()
  expect((await nobody.call('GET', `/api/courses/1/lessons/${preview?.id}`)).status).toBe(200)
  expect((await nobody.call('GET', `/api/courses/1/lessons/${locked?.id}`)).status).toBe(401)
  expect((await buyer.call('GET', `/api/courses/1/lessons/${locked?.id}`)).body).toMatchObject({
    code: 'COURSE_NOT_OWNED',
  })
  expect((await buyer.call('GET', `/api/courses/2/lessons/${preview?.id}`)).body).toMatchObject({
    code: 'LESSON_NOT_FOUND',
  })
})

test('a free course needs no order', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.call<{ items: { id: number }[] }>('GET', '/api/courses?kind=free')
  const free = body.items[0]?.id ?? 0
  expect((await buyer.buy([free], '0.00')).body).toMatchObject({ code: 'NOTHING_TO_PAY' })
  expect((await buyer.call('POST', `/api/courses/${free}/enrolment`)).status).toBe(204)
  expect((await buyer.call('POST', '/api/courses/1/enrolment')).body).toMatchObject({ code: 'COURSE_NOT_FREE' })
  expect(await buyer.ownedIds()).toEqual([free])
})

test('a NUL is refused like any other invalid text', async () => {
  const buyer = await system.buyer()
  const nul = await buyer.call('POST', '/api/session', { username: 'a\0b', password: 'x' })
  const query = await buyer.call('GET', '/api/courses?q=%00')
  const subject = await buyer.call('POST', '/api/orders', {
    courseIds: [1],
    totalAmount: '39.00',
    payType: 'alipay',
    subject: 'a\0',
  })
  expect([nul.status, query.status, subject.status]).toEqual([422, 422, 422])
})

test('an event stream that is left at once leaves nothing behind', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const leave = async (afterMs: number) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), afterMs)
    const headers = { authorization: `Bearer ${buyer.token}` }
    await fetch(`${system.shopUrl}/api/orders/${body.orderNo}/events`, { headers, signal: controller.signal }).catch(
      () => {},
    )
  }
  await Promise.all(Array.from({ length: 50 }, (_, index) => leave(index % 10)))
  const handles = async () => {
    const text = await system.metrics()
    const timers = [...text.matchAll(/nodejs_active_resources\{type="Timeout"[^}]*\} (\d+)/g)].map(([, count]) =>
      Number(count),
    )
    return timers.reduce((sum, count) => sum + count, 0)
  }
  // Each idle database connection has one, and each stream would have one too.
  await until(handles, (timers) => timers < 45)
})

test('pages, answers, refusals and streams all carry the security headers', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const stop = new AbortController()
  for (const path of ['/', '/api/courses', '/api/none', '/api/orders', `/api/orders/${body.orderNo}/events`]) {
    const headers = path.endsWith('/events') ? { authorization: `Bearer ${buyer.token}` } : {}
    const answer = await fetch(system.shopUrl + path, { headers, signal: stop.signal })
    expect(answer.headers.get('content-security-policy'), path).toMatch(/^default-src 'self';.*frame-ancestors 'none'/)
    expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff')
    if (path.endsWith('/events')) expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  }
  stop.abort()
})

test('a buyer has at most ten unpaid orders, even if seventy-eight are placed at once; repeated requests are answered', async () => {
  const buyer = await system.buyer()
  const courses = await system.sql<{ id: number; fen: number }>(
    "select id, price_fen::int as fen from courses where price_fen > 0 and status = 'published' order by id limit 13",
  )
  const yuan = (fen: number) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`
  const pairs = courses.flatMap((one, at) => courses.slice(at + 1).map((other) => [one, other] as const))
  expect(pairs).toHaveLength(78)
  const asked = await Promise.all(
    pairs.map(async ([one, other]) => {
      const key = { 'idempotency-key': randomUUID() }
      const buy = () => buyer.buy([one.id, other.id], yuan(one.fen + other.fen), key)
      return { buy, answer: await buy() }
    }),
  )
  const placed = asked.filter(({ answer }) => answer.status === 201)
  expect(placed).toHaveLength(10)
  const refused = asked.filter(({ answer }) => answer.status === 409)
  expect(refused).toHaveLength(68)
  expect(refused[0]?.answer.body).toMatchObject({ code: 'TOO_MANY_UNPAID_ORDERS' })

  const [first] = placed
  if (!first || !refused[0]) throw new Error('none')
  expect((await first.buy()).body.orderNo).toBe(first.answer.body.orderNo)
  const others = await system.buyer()
  expect((await others.buy([1], '39.00')).status).toBe(201)

  await buyer.call('POST', `/api/orders/${first.answer.body.orderNo}/cancel`)
  expect((await refused[0].buy()).status).toBe(201)
  expect((await buyer.buy([1], '39.00')).body).toMatchObject({ code: 'TOO_MANY_UNPAID_ORDERS' })
})

test('two courses whose titles together have an emoji across the limit of a subject are bought; half an emoji is refused', async () => {
  const buyer = await system.buyer()
  const titles = await system.sql<{ id: number; title: string }>('select id, title from courses where id in (1, 2)')
  await system.sql('update courses set title = $1 where id = 1', ['课'.repeat(120)])
  await system.sql('update courses set title = $1 where id = 2', [`${'程'.repeat(78)}📚📚`])
  for (const payType of ['alipay', 'wechat']) {
    const wanted = { courseIds: [1, 2], totalAmount: '88.00', payType }
    const { status, body } = await buyer.call<{ orderNo: string }>('POST', '/api/orders', wanted)
    expect([payType, status]).toEqual([payType, 201])
    const order = await buyer.call<{ subject: string }>('GET', `/api/orders/${body.orderNo}`)
    expect(order.body.subject).toBe(`${'课'.repeat(120)}、${'程'.repeat(78)}`)
  }
  for (const { id, title } of titles) await system.sql('update courses set title = $1 where id = $2', [title, id])
  const half = { courseIds: [1], totalAmount: '39.00', payType: 'alipay', subject: '学习\ud83d' }
  const refused = await buyer.call('POST', '/api/orders', half)
  expect([refused.status, refused.body]).toMatchObject([422, { errors: [{ field: 'subject' }] }])
})
