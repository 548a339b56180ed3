/**
 * A refund that the gateway reports as made is recorded once, from every state that it has here, by a bill, a
 * notification or staff.
 */
import { expect, test } from 'vitest'
import { sendRefund } from '../../apps/shop/src/payments/gateway-sync/send-refund.ts'
import { planRefund } from '../../apps/shop/src/payments/refunds/create.ts'
import { recordMadeRefund } from '../../apps/shop/src/payments/refunds/made.ts'
import type { Action } from './actions.ts'
import { kinds, openDays, type Paid } from './days.ts'
import { broken } from './invariants.ts'

const days = openDays()
const { db, today, nextDay, paid, line, run, repair, orderOf, accessOf, refundsOf } = days

/** The gateway has made it, under this number, though the shop did not send it. */
const makeThere = ({ attemptNo }: Paid, requestNo: string, amount: Paid['amount']) =>
  days.harness.gateway.trades.get(attemptNo)?.refunds.set(requestNo, amount)

const inOrder = async ({ order }: Paid) => expect(await broken(days.harness, [order.userId])).toEqual([])

const WAYS: Readonly<Record<string, readonly Action[]>> = {
  requested: [],
  declined: ['decline'],
  withdrawn: ['withdraw'],
  approved: ['approve'],
}
const HEARD = ['bill', 'notification'] as const

test.each(Object.keys(WAYS).flatMap((state) => HEARD.map((by) => [state, by] as const)))(
  'a refund made at the gateway while %s here is recorded from its %s',
  async (state, by) => {
    const one = await paid()
    expect(await one.order.do('request a refund')).toBe('done')
    for (const action of WAYS[state] ?? []) expect(await one.order.do(action)).toBe('done')
    const [refund] = await refundsOf(one)
    if (!refund) throw new Error('no refund')
    expect(refund.status).toBe(state)
    makeThere(one, refund.request_no, one.amount)
    if (by === 'notification') await sendRefund(days.harness.payments, refund.id)
    else {
      const day = today()
      nextDay()
      const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, refund.request_no)]
      const [found] = await run(day, bill)
      expect(found?.kind).toBe('REFUND_MISSING_HERE')
      expect(await repair(found, 'record')).toBe('done')
      expect(kinds(await run(day, bill))).toEqual([])
    }
    expect(await refundsOf(one)).toMatchObject([{ status: 'succeeded', amount_fen: one.amount }])
    expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['refunded', []])
    await expect(planRefund(db(), one.order.orderId, [{ courseId: 1 }])).rejects.toMatchObject({
      code: 'REFUND_NOT_POSSIBLE',
    })
    await inOrder(one)
  },
)

test('a refund of the same line that was not sent yet gives way to the one that was made', async () => {
  const one = await paid([1, 2])
  for (const action of ['request a refund', 'decline', 'refund a line'] as const)
    expect(await one.order.do(action)).toBe('done')
  const [declined, approved] = await refundsOf(one)
  if (!declined || !approved) throw new Error('no refunds')
  makeThere(one, declined.request_no, declined.amount_fen)
  await sendRefund(days.harness.payments, declined.id)
  expect((await refundsOf(one)).map(({ status }) => status)).toEqual(['succeeded', 'refused'])
  await sendRefund(days.harness.payments, approved.id)
  expect(days.harness.gateway.sent.map(({ requestNo }) => requestNo)).not.toContain(approved.request_no)
  expect(await accessOf(one)).toEqual([2])
  await inOrder(one)
})

test('a line that another refund has paid back already is not counted twice: the refund is of no line', async () => {
  const one = await paid([1, 2])
  for (const action of ['request a refund', 'decline', 'refund a line', 'send refunds'] as const)
    expect(await one.order.do(action)).toBe('done')
  const [declined] = await refundsOf(one)
  if (!declined) throw new Error('no refund')
  makeThere(one, declined.request_no, declined.amount_fen)
  const day = today()
  nextDay()
  const lines = (await refundsOf(one)).map((each) => line(one, 'refund', each.amount_fen, each.request_no))
  const [found] = await run(day, [line(one, 'payment', one.amount), ...lines])
  expect(await repair(found, 'record')).toBe('done')
  expect((await refundsOf(one)).map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
  const ofLines = db().selectFrom('refund_lines').select('refund_id').where('order_id', '=', one.order.orderId)
  expect(await ofLines.execute()).toHaveLength(1)
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['partially_refunded', [2]])
  await inOrder(one)
})

test.each(HEARD)(
  'a refund whose number was replaced, and that was made with the old one after all, is recorded from its %s',
  async (by) => {
    const one = await paid([1], 'wechat')
    expect(await one.order.do('refund a line')).toBe('done')
    const [{ id = 0, request_no: old = '' } = {}] = await refundsOf(one)
    days.harness.gateway.closedRefunds.add(old)
    expect(await one.order.do('send refunds')).toBe('done')
    expect(await one.order.do('send again')).toBe('done')
    makeThere(one, old, one.amount)
    days.harness.pass(60)
    if (by === 'notification') await sendRefund(days.harness.payments, id)
    else {
      const day = today()
      nextDay()
      const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, old)]
      const [found] = await run(day, bill, 'wechat')
      expect(found).toMatchObject({ kind: 'REFUND_MISSING_HERE', request_no: old })
      expect(await repair(found, 'record')).toBe('done')
      expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
    }
    // The other number is not sent any more.
    const rows = await refundsOf(one)
    expect(rows.map(({ status, request_no: no }) => [status, no === old])).toEqual([
      ['refused', false],
      ['succeeded', true],
    ])
    await sendRefund(days.harness.payments, id)
    expect(days.harness.gateway.sent.map(({ requestNo }) => requestNo)).not.toContain(rows[0]?.request_no)
    expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['refunded', []])
    expect(await one.order.do('send again')).toBe('REFUND_TOO_MUCH')
    await inOrder(one)
  },
)

test('a refund that was sent with another number already gives way to the one that was made with the old one', async () => {
  const one = await paid([1, 2], 'wechat')
  expect(await one.order.do('refund a line')).toBe('done')
  const [{ id = 0, request_no: old = '', amount_fen = one.amount } = {}] = await refundsOf(one)
  days.harness.gateway.closedRefunds.add(old)
  expect(await one.order.do('send refunds')).toBe('done')
  expect(await one.order.do('send again')).toBe('done')
  // The merchant account lacks the balance for it: it is sent again and again.
  await db()
    .updateTable('refunds')
    .set({ status: 'sent', sent_at: days.harness.payments.clock(), tries: 1 })
    .where('id', '=', id)
    .execute()
  makeThere(one, old, amount_fen)
  days.harness.pass(60)
  await sendRefund(days.harness.payments, id)
  const rows = await refundsOf(one)
  expect(rows.map(({ status, request_no: no }) => [status, no === old])).toEqual([
    ['refused', false],
    ['succeeded', true],
  ])
  expect(days.harness.gateway.sent.map(({ requestNo }) => requestNo)).not.toContain(rows[0]?.request_no)
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['partially_refunded', [2]])
})

test('of a line that another refund has partly paid back, what is left goes to the one that was made: access ends', async () => {
  const one = await paid([1, 2])
  for (const action of ['request a refund', 'decline', 'refund a part', 'send refunds'] as const)
    expect(await one.order.do(action)).toBe('done')
  const [declined] = await refundsOf(one)
  if (!declined) throw new Error('no refund')
  makeThere(one, declined.request_no, declined.amount_fen)
  await sendRefund(days.harness.payments, declined.id)
  expect((await refundsOf(one)).map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['partially_refunded', [2]])
})

test.each(['approved', 'sent'] as const)(
  'a refund made by hand in place of one that is stuck as %s is that one: its line, and it is not sent any more',
  async (status) => {
    const one = await paid([1, 2])
    expect(await one.order.do('refund a line')).toBe('done')
    const [{ id = 0, request_no: ours = '', amount_fen: amount = one.amount } = {}] = await refundsOf(one)
    // The merchant account lacks the balance for it: it is sent again and again.
    const stuck = { status, ...(status === 'sent' && { sent_at: days.harness.payments.clock(), tries: 1 }) }
    await db().updateTable('refunds').set(stuck).where('id', '=', id).execute()
    makeThere(one, 'BY-HAND', amount)
    const day = today()
    nextDay()
    const bill = [line(one, 'payment', one.amount), line(one, 'refund', amount, 'BY-HAND')]
    const [found] = await run(day, bill)
    expect(await repair(found, 'record')).toBe('done')
    expect(kinds(await run(day, bill))).toEqual([])
    expect((await refundsOf(one)).map((refund) => [refund.request_no, refund.status])).toEqual([
      [ours, 'refused'],
      ['BY-HAND', 'succeeded'],
    ])
    await sendRefund(days.harness.payments, id)
    expect(days.harness.gateway.sent.map(({ requestNo }) => requestNo)).not.toContain(ours)
    expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['partially_refunded', [2]])
  },
)

test('two people record the same refund at once: it is recorded once, and nobody gets an internal error', async () => {
  for (const known of [true, false]) {
    const one = await paid()
    const now = days.harness.payments.clock()
    const { attemptNo, tradeNo, amount } = one
    const of = known ? tradeNo : `listed-${tradeNo}`
    if (!known) {
      const listed = { provider: 'alipay', trade_no: of, attempt_no: attemptNo, amount_fen: amount, found_at: now }
      await db()
        .insertInto('unmatched_payments')
        .values({ ...listed, reason: 'UNKNOWN_ATTEMPT' })
        .execute()
    }
    const made = { provider: 'alipay', tradeNo: of, requestNo: `HAND-${attemptNo}`, amount, day: today(), now }
    const by = { actor: 'staff', userId: days.staff.user.id } as const
    const record = () =>
      db()
        .transaction()
        .execute((tx) => recordMadeRefund(tx, { ...made, by }))
    await Promise.all([record(), record(), record()])
    const rows = await db().selectFrom('refunds').select('status').where('request_no', '=', made.requestNo).execute()
    expect(rows).toEqual([{ status: 'succeeded' }])
  }
})
