/** A day's bill of WeChat Pay in the shop's own terms (WeChat Pay, "Bills"). */
import { BillError, type Refusal, type TradeBill, type TradeBillRow } from '@xuecheng/wechatpay'
import { ShopError } from '../../../errors.ts'
import { toFen } from '../../../money.ts'
import type { BillAnswer, BillLine } from '../provider.ts'

/** Bills are there from 10:00 of the day after; so late, one that is not there has nothing to say. */
const LATEST_HOUR = 12

/**
 * Fetches and reads a day's bill (`YYYY-MM-DD`, Beijing).
 * @throws ShopError GATEWAY_UNAVAILABLE when there is none that can be believed
 */
export async function readBill(
  day: string,
  now: Date,
  fetchBill: () => Promise<TradeBill | Refusal<string>>,
): Promise<BillAnswer> {
  const bill = await fetchBill().catch((error: unknown) => {
    if (error instanceof BillError) throw new ShopError('GATEWAY_UNAVAILABLE', { cause: error })
    throw error
  })
  if (!('ok' in bill)) return { state: 'ready', lines: bill.rows.filter(moves).map(toLine) }
  if (bill.code === 'STATEMENT_CREATING' || now < hourAfter(day, 0)) return { state: 'not yet' }
  // "No such bill" means a day without trades, and a bill that is late: which of them, only time tells.
  if (bill.code === 'NO_STATEMENT_EXIST')
    return now < hourAfter(day, LATEST_HOUR) ? { state: 'not yet' } : { state: 'ready', lines: [] }
  throw new ShopError('GATEWAY_UNAVAILABLE', { cause: bill.meaning })
}

/** An hour of the day after, in Beijing. */
const hourAfter = (day: string, hour: number): Date =>
  new Date(Date.parse(`${day}T00:00:00+08:00`) + (24 + hour) * 3_600_000)

/**
 * A refund that failed over there moved nothing. One that is stuck (`CHANGE`) may be made later still, to another account of
 * the payer's, and no later bill names it.
 */
const moves = (row: TradeBillRow): boolean => row.kind === 'payment' || row.refundStatus !== 'FAIL'

const toLine = (row: TradeBillRow): BillLine => ({
  kind: row.kind === 'payment' ? 'payment' : 'refund',
  tradeNo: row.transactionId,
  attemptNo: row.outTradeNo,
  requestNo: row.outRefundNo,
  amount: toFen(row.kind === 'payment' ? row.total : row.refund),
  // The sign of fees given back is not established: what counts is how much.
  fee: Math.abs(row.fee),
  at: row.time,
})
