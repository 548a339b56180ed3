/** The staff's desk: the inbox and its replay, unmatched payments, money health, dead jobs, the audit log, and who may do what. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let staff: ShopApi

beforeAll(async () => {
  system = await startSystem()
  staff = system.client()
  await staff.login('admin', 'admin123456')
})

afterAll(() => system.stop())

interface Notification {
  readonly id: number
  readonly accepted: boolean
  readonly effect: string
  readonly reason: string | null
  readonly orderNo: string | null
  readonly bodyText: string
  readonly headers: Record<string, string>
  readonly checks: { check: string; passed: boolean }[]
  readonly handlings: { by: string; accepted: boolean; effect: string; reason: string | null }[]
}

interface Health {
  readonly checks: {
    check: string
    title: string
    count: number
    ok: boolean
    items: { orderNo: string | null; link: string }[]
  }[]
}

const health = async () => {
  const { body } = await staff.call<Health>('GET', '/api/admin/money-health', undefined, { 'accept-language': 'en' })
  return Object.fromEntries(body.checks.map((check) => [check.check, check]))
}

const latest = async (q: string) => {
  const { body } = await staff.call<{ items: Notification[] }>('GET', `/api/admin/notifications?q=${q}`)
  const id = body.items[0]?.id
  return (await staff.call<Notification>('GET', `/api/admin/notifications/${id}`)).body
}

const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
const cli = (...args: string[]) =>
  promisify(execFile)(process.execPath, [...flags, join(import.meta.dirname, '../../apps/shop/src/cli.ts'), ...args], {
    cwd: system.dataDir,
    env: { ...process.env, DATA_DIR: system.dataDir, SANDBOX_PORT: new URL(system.sandboxUrl).port },
  }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )

test('a healthy shop is healthy', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  const seen = await latest(body.orderNo)
  expect(seen).toMatchObject({ accepted: true, effect: 'settled', orderNo: body.orderNo, handlings: [] })
  expect(seen.checks.every(({ passed }) => passed)).toBe(true)
  expect(seen.bodyText).toContain(`out_trade_no=${body.orderNo}`)
  expect(seen.headers['content-type']).toContain('application/x-www-form-urlencoded')
  const checks = await health()
  expect(Object.values(checks).filter(({ ok }) => !ok)).toEqual([])
  expect(Object.keys(checks)).toHaveLength(15)
})

test('a notification is found by any of its numbers, and on the page of the order that its attempt was moved to', async () => {
  const [row] = await system.sql<{ attempt: string; trade: string; notify: string }>(
    `select attempt_no as attempt, trade_no as trade, notify_id as notify from notifications where effect = 'settled' limit 1`,
  )
  const { attempt = '', trade = '', notify = '' } = row ?? {}
  const seen = await latest(attempt)
  for (const number of [trade, notify]) expect(await latest(number)).toEqual(seen)
  const none = await staff.call<{ items: unknown[] }>('GET', '/api/admin/notifications?q=nobody')
  expect(none.body.items).toEqual([])
  // As after a payment that came late: the order is younger than its attempt and what was said of that before.
  await system.sql(`update orders set created_at = created_at + interval '3 days' where order_no = $1`, [attempt])
  const order = await staff.call<{ notifications: unknown[]; history: unknown[] }>(
    'GET',
    `/api/admin/orders/${attempt}`,
  )
  expect(order.body.notifications).toHaveLength(1)
  const reason = { reason: '', reasonCode: 'PAID' }
  expect(order.body.history).toContainEqual(
    expect.objectContaining({ event: 'open', reasonCode: 'METHOD_CHOSEN', details: { provider: 'alipay' } }),
  )
  expect(order.body.history).toContainEqual(
    expect.objectContaining({
      ...{ subject: 'order', event: 'pay', ...reason },
      details: { provider: 'alipay', tradeNo: trade, source: 'notification' },
    }),
  )
  await system.sql(`update orders set created_at = created_at - interval '3 days' where order_no = $1`, [attempt])
})

test('a month without a partition shows until it is made', async () => {
  const next = `(now() at time zone 'Asia/Shanghai')::date + interval '1 month'`
  const [row] = await system.sql<{ part: string }>(`select 'notifications' || to_char(${next}, '_YYYY_MM') as part`)
  await system.sql(`drop table ${row?.part}`)
  expect((await health())['month_missing']).toMatchObject({
    count: 1,
    items: [{ link: '/admin/jobs', finding: 'NO_MONTH', details: { table: 'notifications_other', rows: 0 } }],
  })
  await system.sql('select keep_months(current_date, 3)')
  expect((await health())['month_missing']?.count).toBe(0)
})

test('a notification that failed is replayed once its cause is gone, at the desk and on the command line', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  // The cause: for a moment the attempt is not in our books.
  const hidden = 'f'.repeat(32)
  await system.sql('update payment_attempts set attempt_no = $2 where attempt_no = $1', [body.orderNo, hidden])
  await system.sandbox.pay(body.payUrl)
  const refused = await until(
    () => latest(body.orderNo),
    (seen) => seen.id !== undefined,
  )
  expect(refused).toMatchObject({ accepted: false, effect: 'unmatched', reason: 'UNKNOWN_ATTEMPT' })
  const unhandled = { effect: 'unmatched', reason: 'UNKNOWN_ATTEMPT' }
  expect((await health())['notification_not_handled']?.items).toContainEqual(
    expect.objectContaining({ thing: 'notification', subject: String(refused.id), details: unhandled }),
  )
  expect((await cli('notifications', 'replay', String(refused.id))).code).toBe(1)

  await system.sql('update payment_attempts set attempt_no = $1 where attempt_no = $2', [body.orderNo, hidden])
  const replayed = await staff.call<Notification>('POST', `/api/admin/notifications/${refused.id}/replay`)
  expect(replayed.body.accepted).toBe(false) // what came stays as it came
  expect(replayed.body.handlings.map(({ by, accepted, effect, reason }) => [by, accepted, effect, reason])).toEqual([
    ['command line', false, 'unmatched', 'UNKNOWN_ATTEMPT'],
    ['admin', true, 'settled', null],
  ])
  expect((await buyer.order(body.orderNo)).status).toBe('paid')
  expect(await buyer.ownedIds()).toEqual([1])
  const { history } = (await staff.call<{ history: unknown[] }>('GET', `/api/admin/orders/${body.orderNo}`)).body
  const details = expect.objectContaining({ source: 'replay', notificationId: refused.id, by: 'admin' })
  expect(history).toContainEqual(expect.objectContaining({ event: 'pay', reasonCode: 'PAID', details }))

  const again = await cli('notifications', 'replay', String(refused.id), '--json')
  expect([again.code, JSON.parse(again.output)]).toMatchObject([0, { accepted: true, effect: 'repeated' }])
  expect((await cli('notifications', 'replay', 'x')).code).toBe(2)
  expect((await cli('notifications', 'replay', '999999')).code).toBe(1)

  // The money was listed as unknown meanwhile; it has its place now, and is paid back from no list.
  const list = await staff.call<{ items: { id: number; attemptNo: string; resolution: string; actions: string[] }[] }>(
    'GET',
    '/api/admin/unmatched-payments?state=resolved',
  )
  const row = list.body.items.find(({ attemptNo }) => attemptNo === body.orderNo)
  expect(row).toMatchObject({ resolution: 'settled', actions: [] })
  const path = `/api/admin/unmatched-payments/${row?.id}`
  expect(await staff.call('POST', `${path}/refund`, { note: 'it was unknown' })).toMatchObject({
    status: 409,
    body: { code: 'MONEY_OF_AN_ORDER' },
  })
  expect((await staff.call('POST', `${path}/seen`, { note: 'it was unknown' })).status).toBe(404)
})

test('money of an unknown trade is paid back from the list, once', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([2], (await buyer.call<{ price: string }>('GET', '/api/courses/2')).body.price)
  await system.sql('update payment_attempts set attempt_no = $2 where attempt_no = $1', [body.orderNo, 'e'.repeat(32)])
  const { trade } = await system.sandbox.pay(body.payUrl)
  const list = await until(
    () =>
      staff.call<{ items: { id: number; tradeNo: string; amount: string }[] }>(
        'GET',
        '/api/admin/unmatched-payments?state=open',
      ),
    (answer) => answer.body.items.some(({ tradeNo }) => tradeNo === trade.tradeNo),
  )
  const row = list.body.items.find(({ tradeNo }) => tradeNo === trade.tradeNo)
  const refund = (note = 'nobody knows it', headers = {}) =>
    staff.call<{ code?: string; refund?: { requestNo: string } }>(
      'POST',
      `/api/admin/unmatched-payments/${row?.id}/refund`,
      { note },
      headers,
    )
  const key = { 'idempotency-key': `unmatched-${row?.id}` }
  const answers = await Promise.all([refund(undefined, key), refund(undefined, key)])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect(answers[1]?.body).toEqual(answers[0]?.body)
  expect((await refund('another', key)).body.code).toBe('IDEMPOTENCY_KEY_REUSED')
  const others = await Promise.all([refund(), refund()])
  expect(others.map(({ body: { code } }) => code)).toEqual(['REFUND_TOO_MUCH', 'REFUND_TOO_MUCH'])
  await until(
    () => system.sandbox.trades(body.orderNo),
    ([there]) => there?.refundedAmount === row?.amount,
  )
  const done = await until(
    () =>
      staff.call<{ items: { id: number; resolution: string }[] }>(
        'GET',
        '/api/admin/unmatched-payments?state=resolved',
      ),
    (answer) => answer.body.items.some(({ id }) => id === row?.id),
  )
  expect(done.body.items.find(({ id }) => id === row?.id)?.resolution).toBe('refunded')
})

test('what must never be is found, on the page and in the metrics, and leads to its order', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  const id = (await system.sql<{ id: string }>('select id from orders where order_no = $1', [body.orderNo]))[0]?.id
  await system.sql('delete from enrolments where order_id = $1', [id])
  expect((await health())['paid_without_access']).toMatchObject({
    count: 1,
    title: 'Paid without access',
    items: [{ thing: 'course', subject: '1', orderNo: body.orderNo, link: `/admin/orders/${body.orderNo}` }],
  })
  await until(
    () => system.metrics(),
    (metrics) => /xuecheng_money_health\{check="paid_without_access"\} 1\n/.test(metrics),
  )
  await system.sql(
    `insert into enrolments (user_id, course_id, order_id, granted_at, granted_by)
     select user_id, 1, id, now(), 'order' from orders where id = $1`,
    [id],
  )
  await system.sql(
    `insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at)
     select 'late', o.id, a.id, 1, 'approved', '', 'shop', now() - interval '1 hour'
     from orders o join payment_attempts a on a.order_id = o.id where o.id = $1`,
    [id],
  )
  const checks = await health()
  expect(checks['refund_outcome_unknown']).toMatchObject({ count: 1, items: [{ finding: 'NO_ANSWER', text: '' }] })
  // The books' counter says another sum.
  const details = { refunded: '0.01', of: '39.00' }
  expect(checks['refunds_over_the_total']).toMatchObject({ count: 1, items: [{ finding: 'REFUNDS_DIFFER', details }] })
  await system.sql("delete from refunds where request_no = 'late'")
  await system.sql("update orders set status = 'cancelled', paid_at = null, closed_at = now() where id = $1", [id])
  expect((await health())['access_without_payment']?.count).toBe(1)
  await system.sql("update orders set status = 'paid', paid_at = now(), closed_at = null where id = $1", [id])
  expect(Object.values(await health()).filter(({ ok }) => !ok)).toEqual([])
})

test('a job that is out of tries is listed with its error, and run again', async () => {
  await system.sql(`select graphile_worker.add_job('send-refund', '{"refundId": "none"}', max_attempts => 1)`)
  // One try only, as if twenty-five had been used up; those with one try are swept, so it is given more in the end.
  const dead = await until(
    async () => {
      await system.sql(`update graphile_worker._private_jobs set max_attempts = 2, attempts = 2
        where payload::text like '%none%' and locked_at is null and last_error is not null`)
      return staff.call<{ items: { id: string; task: string; lastError: string }[] }>(
        'GET',
        '/api/admin/jobs?state=dead',
      )
    },
    (answer) => answer.body.items.some(({ task }) => task === 'send-refund'),
  )
  const job = dead.body.items.find(({ task }) => task === 'send-refund')
  expect(job?.lastError).toBeTruthy()
  expect((await health())['dead_job']?.count).toBe(1)
  expect((await staff.call('POST', `/api/admin/jobs/${job?.id}/run-again`)).status).toBe(200)
  expect((await staff.call('POST', `/api/admin/jobs/${job?.id}/run-again`)).status).toBe(404)
  await system.sql("delete from graphile_worker._private_jobs where payload::text like '%none%'")
})

test('each role sees and does what the table of rights says; buyers and strangers nothing', async () => {
  const made = await cli('users', 'create', '--username', 'clerk', '--staff', 'support', '--json')
  const { password } = JSON.parse(made.output) as { password: string }
  const clerk = system.client()
  await clerk.login('clerk', password)
  expect((await clerk.call('POST', '/api/me/password', { password: 'a long password' })).status).toBe(204)
  const me = await clerk.call<{ rights: string[] }>('GET', '/api/admin/me')
  expect(me.body.rights).toContain('orders.read')
  expect(me.body.rights).not.toContain('refunds.send')
  expect((await clerk.call('GET', '/api/admin/orders')).status).toBe(200)
  expect((await clerk.call('GET', '/api/admin/money-health')).status).toBe(403)
  expect((await clerk.call('POST', '/api/admin/orders/x/refunds', { nonsense: true })).status).toBe(403)
  expect((await (await system.buyer()).call('GET', '/api/admin/me')).status).toBe(403)
  expect((await system.client().call('GET', '/api/admin/me')).status).toBe(401)
  expect((await cli('users', 'create', '--username', 'x')).code).toBe(2)
  // An owner who has lost phone and recovery codes.
  await system.sql("insert into second_factors select id, 'sealed', now(), now() from users where username = 'clerk'")
  const off = await cli('users', 'second-factor-off', '--username', 'Clerk', '--json')
  expect(JSON.parse(off.output)).toEqual({ username: 'Clerk', wasOn: true })
  expect(await system.sql('select * from second_factors')).toEqual([])
  const deeds = await system.sql(
    "select * from audit_log where username = 'xuecheng' and action = 'staff.second-factor'",
  )
  expect(deeds).toMatchObject([{ action: 'staff.second-factor', role: 'shell', before: { secondFactor: true } }])
  expect((await cli('users', 'second-factor-off', '--username', 'nobody')).code).toBe(1)
  expect((await cli('users', 'create', '--username', 'clerk', '--staff', 'king')).code).toBe(2)
  const log = await staff.call<{ items: { action: string; username: string }[] }>('GET', '/api/admin/audit?user=admin')
  expect(log.body.items.map(({ action }) => action)).toContain('notification.replay')
})

test('what is done on the command line is in the audit log as well', async () => {
  const lines = (action: string) =>
    system.sql<{ username: string; role: string; subject: string; before: unknown; after: unknown }>(
      "select * from audit_log where action = $1 and role = 'shell' order by id",
      [action],
    )
  const made = await cli('users', 'create', '--username', 'from-shell', '--staff', 'support', '--json')
  const { id, password } = JSON.parse(made.output) as { id: number; password: string }
  const created = (await lines('staff.create')).filter(({ subject }) => subject === `staff/${id}`)
  expect(created).toMatchObject([
    { username: 'xuecheng', subject: `staff/${id}`, after: { username: 'from-shell', role: 'support' } },
  ])
  expect(JSON.stringify(created)).not.toContain(password)
  const before = (await lines('notification.replay')).length
  const [last] = await system.sql<{ id: number }>('select id::int from notifications order by id desc limit 1')
  await cli('notifications', 'replay', String(last?.id))
  expect((await lines('notification.replay')).slice(before)).toMatchObject([{ subject: `notifications/${last?.id}` }])
  await cli('reconcile', '--date', '2020-01-01')
  const days = (await lines('reconciliation.run')).map(({ subject }) => subject).sort()
  expect(days).toEqual(['reconciliations/alipay/2020-01-01', 'reconciliations/wechat/2020-01-01'])
})

test('jobs come page by page, and by task', async () => {
  await system.sql(
    `select graphile_worker.add_job('close-attempts', json_build_object('n', n), run_at => now() + interval '1 day')
     from generate_series(1, 60) n`,
  )
  interface Jobs {
    readonly items: { id: string; task: string }[]
    readonly next: string | null
    readonly tasks: string[]
  }
  const read = async (query: string) => (await staff.call<Jobs>('GET', `/api/admin/jobs?state=waiting${query}`)).body
  const first = await read('&task=close-attempts')
  expect(first.items).toHaveLength(50)
  const second = await read(`&task=close-attempts&cursor=${first.next}`)
  expect(second.next).toBeNull()
  const ids = [...first.items, ...second.items].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.length).toBeGreaterThanOrEqual(60)
  expect(first.tasks).toContain('close-attempts')
  expect(await read('&task=none-such')).toMatchObject({ items: [], next: null })
})

test('asking the gateway says what it answered of each attempt', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const asked = await staff.call<{ asked: object[] }>('POST', `/api/admin/orders/${body.orderNo}/ask`)
  expect(asked.body.asked).toMatchObject([{ user: 'admin', attemptNo: body.orderNo, answer: 'none' }])
})

test('staff who look at a course as a buyer find locked what is locked; to others that means nothing', async () => {
  const [locked] = await system.sql<{ id: number }>(
    'select id from lessons where course_id = 1 and not preview order by position limit 1',
  )
  const path = `/api/courses/1/lessons/${locked?.id}`
  expect((await staff.call('GET', path)).status).toBe(200)
  expect(await staff.call('GET', `${path}?as=buyer`)).toMatchObject({ status: 403, body: { code: 'COURSE_NOT_OWNED' } })
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  expect((await buyer.call('GET', `${path}?as=buyer`)).status).toBe(200)
})
