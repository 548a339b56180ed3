/** What a trade is listed for among the unmatched payments: reopened by staff, and closed with the trade's last fen. */
import { expect, test } from 'vitest'
import { markUnmatchedSeen, reopenUnmatched } from '../../../apps/shop/src/payments/settlement/unmatched.ts'
import { days, db, paid } from './rig.ts'

const listed = (tradeNo: string) =>
  db().selectFrom('unmatched_payments').selectAll().where('trade_no', '=', tradeNo).orderBy('id').execute()

async function list(tradeNo: string, attemptNo: string, reason: string) {
  const row = { provider: 'alipay', trade_no: tradeNo, attempt_no: attemptNo, amount_fen: 100, reason }
  const now = days.harness.payments.clock()
  await days.harness.connection.pool.query(
    `insert into unmatched_payments (provider, trade_no, attempt_no, amount_fen, reason, found_at) values ($1, $2, $3, $4, $5, $6)`,
    [...Object.values(row), now],
  )
}

test('a row that was seen by mistake is open again, once', async () => {
  const one = await paid()
  await list(one.tradeNo, one.attemptNo, 'AMOUNT_DIFFERS')
  const [row] = await listed(one.tradeNo)
  const act = (work: typeof markUnmatchedSeen) =>
    db()
      .transaction()
      .execute((tx) =>
        work({ tx, staff: days.staff, now: days.harness.payments.clock() }, { id: row?.id ?? 0, note: 'n' }),
      )
  await expect(act(reopenUnmatched)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await act(markUnmatchedSeen)
  expect(await listed(one.tradeNo)).toMatchObject([{ resolution: 'seen' }])
  await act(reopenUnmatched)
  expect(await listed(one.tradeNo)).toMatchObject([{ resolution: null, resolved_at: null, resolved_by: null }])
  await expect(act(reopenUnmatched)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('with the last fen of its trade, refunded from its order, a row is closed; with a part it stays', async () => {
  const one = await paid([1])
  await list(one.tradeNo, one.attemptNo, 'AMOUNT_DIFFERS')
  for (const action of ['refund a part', 'send refunds'] as const) expect(await one.order.do(action)).toBe('done')
  expect(await listed(one.tradeNo)).toMatchObject([{ resolved_at: null }])
  days.harness.pass(120)
  for (const action of ['refund all', 'send refunds'] as const) expect(await one.order.do(action)).toBe('done')
  expect(await listed(one.tradeNo)).toMatchObject([{ resolution: 'refunded', resolved_at: expect.any(Date) }])
})
