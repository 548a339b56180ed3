/** Converts a day's WeChat Pay bill to the shop's own lines (WeChat Pay, "Bills"). */
import { BillError, type Refusal, type TradeBill, type TradeBillRow } from '@xuecheng/wechatpay'
import { daysSince, hourAfter } from '../../../beijing-day.ts'
import { ShopError } from '../../../errors.ts'
import { toFen } from '../../../money.ts'
import type { BillAnswer, BillLine } from '../../contract.ts'

/** Bills are available from 10:00 the next day; if there is none at this hour, the day had no trades. */
const LATEST_HOUR = 12
/** Bills are kept for three months. The refusal of an older one may have any of these codes. */
const KEPT_DAYS = 89
const TOO_OLD = ['NO_STATEMENT_EXIST', 'INVALID_REQUEST', 'PARAM_ERROR']

/**
 * Downloads and reads a day's bill (`YYYY-MM-DD`, Beijing).
 * @throws ShopError GATEWAY_UNAVAILABLE when there is no bill that can be trusted
 */
export async function readBill(
  day: string,
  now: Date,
  fetchBill: () => Promise<TradeBill | Refusal<string>>,
  merchantOf: (appId: string) => string,
): Promise<BillAnswer> {
  const bill = await fetchBill().catch((error: unknown) => {
    if (error instanceof BillError && error.code === 'BILL_DISAGREES') return undefined
    if (error instanceof BillError) throw new ShopError('GATEWAY_UNAVAILABLE', { cause: error })
    throw error
  })
  if (!bill) return { state: 'contradictory' }
  if (!('ok' in bill))
    return {
      state: 'ready',
      lines: bill.rows.filter(moves).map((row) => toLine(row, merchantOf(row.appId))),
      summary: { ...bill.summary },
    }
  if (bill.code === 'STATEMENT_CREATING' || now < hourAfter(day, 0)) return { state: 'not yet' }
  if (daysSince(day, now) > KEPT_DAYS && TOO_OLD.includes(bill.code)) return { state: 'not offered' }
  // "No such bill" can mean a day without trades or a bill that is late; only the time of day tells which.
  if (bill.code === 'NO_STATEMENT_EXIST') return { state: now < hourAfter(day, LATEST_HOUR) ? 'not yet' : 'none' }
  throw new ShopError('GATEWAY_UNAVAILABLE', { cause: bill.meaning })
}

/**
 * A refund that failed at the gateway moved no money. One that is stuck (`CHANGE`) may still be made, to another
 * account of the payer's, and no later bill lists it.
 */
const moves = (row: TradeBillRow): boolean => row.kind === 'payment' || row.refundStatus !== 'FAIL'

const toLine = (row: TradeBillRow, merchant: string): BillLine => ({
  kind: row.kind === 'payment' ? 'payment' : 'refund',
  tradeNo: row.transactionId,
  attemptNo: row.outTradeNo,
  requestNo: row.outRefundNo,
  amount: toFen(row.kind === 'payment' ? row.total : row.refund),
  merchant,
  // Negative on a refund that returns it.
  fee: row.fee,
  at: row.time,
})
