/** Converts a day's Alipay bill to the shop's own lines (Alipay, "Bills: detail file"). */
import { BillError, type BillRow, type BusinessRefusal, type TradeBill } from '@xuecheng/alipay'
import { daysSince, hourAfter } from '../../../beijing-day.ts'
import { ShopError } from '../../../errors.ts'
import { type Fen, toFen } from '../../../money.ts'
import type { BillAnswer, BillLine } from '../../contract.ts'

/** The gateway's codes for a bill that is not available, which may be early or too late, and for a day without trades. */
const UNAVAILABLE = ['BILL_NOT_EXIST', 'INVAILID_ARGUMENTS', 'isv.invalid_arguments']
const EMPTY = ['NO_BILL_DATA', 'BILL_DATE_BEFORE_REGISTRATION']

/** Bills are ready by 09:00 or 10:00 the next day. If there are no data at this hour, the day had no trades. */
const LATEST_HOUR = 12
/** A bill that is still unavailable after so many days is not coming. */
const LATEST_DAYS = 7
/** The shortest time that bills are said to be kept, 30 months: of an older day, "no data" says nothing. */
const KEPT_DAYS = 900

/**
 * Downloads and reads a day's bill (`YYYY-MM-DD`, Beijing). `feeRate` in ten-thousandths of a payment.
 * @throws ShopError GATEWAY_UNAVAILABLE when there is no bill that can be trusted
 */
export async function readBill(
  day: string,
  now: Date,
  fetchBill: () => Promise<TradeBill | BusinessRefusal<string>>,
  feeRate: number | undefined,
): Promise<BillAnswer> {
  const bill = await fetchBill().catch((error: unknown) => {
    if (error instanceof BillError && error.code === 'BILL_DISAGREES') return undefined
    if (error instanceof BillError) throw new ShopError('GATEWAY_UNAVAILABLE', { cause: error })
    throw error
  })
  if (!bill) return { state: 'contradictory' }
  if ('ok' in bill) return { state: whyThereIsNone(bill, day, now) }
  const sign = signOfFees(bill.rows)
  const { tradeCount, refundCount, orderAmount, receiptAmount, serviceFee, netAmount } = bill.summary.total
  const summary = { tradeCount, refundCount, orderAmount, receiptAmount, serviceFee, netAmount }
  return {
    state: 'ready',
    summary,
    lines: bill.rows.map((row): BillLine => {
      const amount = toFen(Math.abs(row.orderAmount))
      return {
        kind: row.kind === 'refund' ? 'refund' : 'payment',
        tradeNo: row.tradeNo,
        attemptNo: row.outTradeNo,
        // A refund without a number of its own has the payment's.
        requestNo: row.kind === 'refund' ? row.refundRequestNo || row.outTradeNo : '',
        amount,
        fee: sign * row.serviceFee,
        ...(row.kind === 'trade' && feeRate !== undefined ? { expectedFee: feeOf(amount, feeRate) } : {}),
        at: row.completedAt,
      }
    }),
  }
}

function whyThereIsNone(
  refusal: BusinessRefusal<string>,
  day: string,
  now: Date,
): Exclude<BillAnswer['state'], 'ready'> {
  const { subCode, meaning } = refusal
  const age = daysSince(day, now)
  if (EMPTY.includes(subCode)) {
    if (now < hourAfter(day, LATEST_HOUR)) return 'not yet'
    return subCode === 'NO_BILL_DATA' && age > KEPT_DAYS ? 'not offered' : 'none'
  }
  if (UNAVAILABLE.includes(subCode)) return age > LATEST_DAYS ? 'not offered' : 'not yet'
  throw new ShopError('GATEWAY_UNAVAILABLE', { cause: meaning })
}

/**
 * Which sign of the bill's fees means "charged". It is not documented, but in one bill a returned fee has the other
 * sign: sales are charged, and on a day without sales fees come back with refunds.
 */
function signOfFees(rows: readonly BillRow[]): 1 | -1 {
  const sum = (kind: BillRow['kind']) =>
    rows.reduce((soFar, row) => soFar + (row.kind === kind ? row.serviceFee : 0), 0)
  return (sum('trade') || -sum('refund')) < 0 ? -1 : 1
}

/** Half a fen is rounded up. */
const feeOf = (amount: Fen, rate: number): Fen => toFen(Math.floor((amount * rate + 5000) / 10_000))
