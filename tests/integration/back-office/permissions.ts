/** Who may do what, and what else the audit log records. */
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { cli, staff, system } from './rig.ts'

test('each role sees and does what its permissions say; buyers and strangers nothing', async () => {
  const made = await cli('users', 'create', '--username', 'supporter', '--staff', 'support', '--json')
  const { password } = JSON.parse(made.output) as { password: string }
  const supporter = system.client()
  await supporter.login('supporter', password)
  expect((await supporter.call('POST', '/api/me/password', { password: 'a long password' })).status).toBe(204)
  const me = await supporter.call<{ rights: string[] }>('GET', '/api/admin/me')
  expect(me.body.rights).toContain('orders.read')
  expect(me.body.rights).not.toContain('refunds.send')
  expect((await supporter.call('GET', '/api/admin/orders')).status).toBe(200)
  expect((await supporter.call('GET', '/api/admin/money-health')).status).toBe(403)
  expect((await supporter.call('POST', '/api/admin/orders/x/refunds', { nonsense: true })).status).toBe(403)
  expect((await (await system.buyer()).call('GET', '/api/admin/me')).status).toBe(403)
  expect((await system.client().call('GET', '/api/admin/me')).status).toBe(401)
  expect((await cli('users', 'create', '--username', 'x')).code).toBe(2)
  // An owner who has lost phone and recovery codes.
  await system.sql(
    "insert into second_factors select id, 'sealed', now(), now() from users where username = 'supporter'",
  )
  const off = await cli('users', 'second-factor-off', '--username', 'Supporter', '--json')
  expect(JSON.parse(off.output)).toEqual({ username: 'Supporter', wasOn: true })
  expect(await system.sql('select * from second_factors')).toEqual([])
  const entries = await system.sql(
    "select * from audit_log where username = 'xuecheng' and action = 'staff.second-factor'",
  )
  expect(entries).toMatchObject([{ action: 'staff.second-factor', role: 'shell', before: { secondFactor: true } }])
  expect((await cli('users', 'second-factor-off', '--username', 'nobody')).code).toBe(1)
  expect((await cli('users', 'create', '--username', 'supporter', '--staff', 'king')).code).toBe(2)
  const log = await staff.call<{ items: { action: string; username: string }[] }>('GET', '/api/admin/audit?user=admin')
  expect(log.body.items.map(({ action }) => action)).toContain('notification.replay')
})

test('changes from the command line are in the audit log as well', async () => {
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

test('querying the gateway reports its answer for each attempt', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const asked = await staff.call<{ asked: object[] }>('POST', `/api/admin/orders/${body.orderNo}/ask`)
  expect(asked.body.asked).toMatchObject([{ user: 'admin', attemptNo: body.orderNo, answer: 'none' }])
})

test('staff who preview a course as a buyer see lessons locked; for others the preview changes nothing', async () => {
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
