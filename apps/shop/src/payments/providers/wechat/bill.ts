/** Converts a day's WeChat Pay bill to the shop's own lines (WeChat Pay, "Bills"). */
import { BillError, type Refusal, type TradeBill, type TradeBillRow } from '@xuecheng/wechatpay'
import { ShopError } from '../../../errors.ts'
import { toFen } from '../../../money.ts'
import type { BillAnswer, BillLine } from '../../contract.ts'

/** Bills are available from 10:00 the next day; if there is none at this hour, the day had no trades. */
const LATEST_HOUR = 12

/**
 * Downloads and reads a day's bill (`YYYY-MM-DD`, Beijing).
 * @throws ShopError GATEWAY_UNAVAILABLE when there is no bill that can be trusted
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
  // "No such bill" can mean a day without trades or a bill that is late; only the time of day tells which.
  if (bill.code === 'NO_STATEMENT_EXIST')
    return now < hourAfter(day, LATEST_HOUR) ? { state: 'not yet' } : { state: 'ready', lines: [] }
  throw new ShopError('GATEWAY_UNAVAILABLE', { cause: bill.meaning })
}

/** The time of an hour on the following day, in Beijing. */
const hourAfter = (day: string, hour: number): Date =>
  new Date(Date.parse(`${day}T00:00:00+08:00`) + (24 + hour) * 3_600_000)

/**
 * A refund that failed at the gateway moved no money. One that is stuck (`CHANGE`) may still be made, to another
 * account of the payer's, and no later bill lists it.
 */
const moves = (row: TradeBillRow): boolean => row.kind === 'payment' || row.refundStatus !== 'FAIL'

const toLine = (row: TradeBillRow): BillLine => ({
  kind: row.kind === 'payment' ? 'payment' : 'refund',
  tradeNo: row.transactionId,
  attemptNo: row.outTradeNo,
  requestNo: row.outRefundNo,
  amount: toFen(row.kind === 'payment' ? row.total : row.refund),
  // The sign of refunded fees is not documented, so only the absolute value counts.
  fee: Math.abs(row.fee),
  at: row.time,
})
