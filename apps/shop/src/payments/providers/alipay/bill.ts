/** A day's bill of Alipay in the shop's own terms (Alipay, "Bills: detail file"). */
import { BillError, type BusinessRefusal, type TradeBill } from '@xuecheng/alipay'
import { ShopError } from '../../../errors.ts'
import { type Fen, toFen } from '../../../money.ts'
import type { BillAnswer, BillLine } from '../provider.ts'

/** What the gateway says where there is no bill yet, and where there was nothing to write in one. */
const NOT_YET = ['BILL_NOT_EXIST', 'INVAILID_ARGUMENTS', 'isv.invalid_arguments']
const EMPTY = ['NO_BILL_DATA', 'BILL_DATE_BEFORE_REGISTRATION']

/**
 * Fetches and reads a day's bill (`YYYY-MM-DD`, Beijing). `feeRate` in ten-thousandths of a payment.
 * @throws ShopError GATEWAY_UNAVAILABLE when there is none that can be believed
 */
export async function readBill(
  day: string,
  now: Date,
  fetchBill: () => Promise<TradeBill | BusinessRefusal<string>>,
  feeRate: number | undefined,
): Promise<BillAnswer> {
  const bill = await fetchBill().catch((error: unknown) => {
    if (error instanceof BillError) throw new ShopError('GATEWAY_UNAVAILABLE', { cause: error })
    throw error
  })
  if ('ok' in bill) {
    // Of a day that is not over, nothing to write says nothing.
    const isOver = now.getTime() >= Date.parse(`${day}T24:00:00+08:00`)
    if (EMPTY.includes(bill.subCode)) return isOver ? { state: 'ready', lines: [] } : { state: 'not yet' }
    if (NOT_YET.includes(bill.subCode)) return { state: 'not yet' }
    throw new ShopError('GATEWAY_UNAVAILABLE', { cause: bill.meaning })
  }
  return {
    state: 'ready',
    lines: bill.rows.map((row): BillLine => {
      const amount = toFen(Math.abs(row.orderAmount))
      return {
        kind: row.kind === 'refund' ? 'refund' : 'payment',
        tradeNo: row.tradeNo,
        attemptNo: row.outTradeNo,
        // A refund without a number of its own bears the payment's.
        requestNo: row.kind === 'refund' ? row.refundRequestNo || row.outTradeNo : '',
        amount,
        // The sign of fees in bills is not established: what counts is how much.
        fee: Math.abs(row.serviceFee),
        ...(row.kind === 'trade' && feeRate !== undefined ? { expectedFee: feeOf(amount, feeRate) } : {}),
        at: row.completedAt,
      }
    }),
  }
}

/** Half a fen counts as one. */
const feeOf = (amount: Fen, rate: number): Fen => toFen(Math.floor((amount * rate + 5000) / 10_000))
