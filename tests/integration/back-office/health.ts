import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { health, latest, system } from './rig.ts'

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
  // Right after a start the job may not have created the partition of the next month yet.
  const checks = await until(health, (found) => Object.values(found).every(({ ok }) => ok))
  expect(Object.values(checks).filter(({ ok }) => !ok)).toEqual([])
  expect(Object.keys(checks)).toHaveLength(15)
})

test('a month without a partition is reported until it is created', async () => {
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

test('an impossible state is found on the page and in the metrics, and leads to its order', async () => {
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
  // The stored sum differs from its refunds.
  const details = { refunded: '0.01', of: '39.00' }
  expect(checks['refunds_over_the_total']).toMatchObject({ count: 1, items: [{ finding: 'REFUNDS_DIFFER', details }] })
  await system.sql("delete from refunds where request_no = 'late'")
  await system.sql("update orders set status = 'cancelled', paid_at = null, closed_at = now() where id = $1", [id])
  expect((await health())['access_without_payment']?.count).toBe(1)
  await system.sql("update orders set status = 'paid', paid_at = now(), closed_at = null where id = $1", [id])
  expect(Object.values(await health()).filter(({ ok }) => !ok)).toEqual([])
})
