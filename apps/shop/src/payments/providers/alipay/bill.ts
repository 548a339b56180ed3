/** Converts a day's Alipay bill to the shop's own lines (Alipay, "Bills: detail file"). */
import { BillError, type BusinessRefusal, type TradeBill } from '@xuecheng/alipay'
import { ShopError } from '../../../errors.ts'
import { type Fen, toFen } from '../../../money.ts'
import type { BillAnswer, BillLine } from '../../contract.ts'

/** The gateway's codes for a bill that is not available yet, and for a day without any trades. */
const NOT_YET = ['BILL_NOT_EXIST', 'INVAILID_ARGUMENTS', 'isv.invalid_arguments']
const EMPTY = ['NO_BILL_DATA', 'BILL_DATE_BEFORE_REGISTRATION']

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
    if (error instanceof BillError) throw new ShopError('GATEWAY_UNAVAILABLE', { cause: error })
    throw error
  })
  if ('ok' in bill) {
    // "No data" means nothing before the day is over.
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
        // A refund without a number of its own has the payment's.
        requestNo: row.kind === 'refund' ? row.refundRequestNo || row.outTradeNo : '',
        amount,
        // The sign of fees in bills is not documented, so only the absolute value counts.
        fee: Math.abs(row.serviceFee),
        ...(row.kind === 'trade' && feeRate !== undefined ? { expectedFee: feeOf(amount, feeRate) } : {}),
        at: row.completedAt,
      }
    }),
  }
}

/** Half a fen is rounded up. */
const feeOf = (amount: Fen, rate: number): Fen => toFen(Math.floor((amount * rate + 5000) / 10_000))
