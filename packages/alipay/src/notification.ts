/**
 * Payment notifications (Alipay, "Asynchronous notification"): verified from the raw body, then read as typed fields.
 */
import { readAmount, readTime } from '@xuecheng/client-kit'
import type { Parameters } from './canonical.ts'
import { type Refused, type Verifier, verifyForm } from './signed-form.ts'

export type TradeStatus = 'WAIT_BUYER_PAY' | 'TRADE_CLOSED' | 'TRADE_SUCCESS' | 'TRADE_FINISHED'

const TRADE_STATUSES: readonly string[] = ['WAIT_BUYER_PAY', 'TRADE_CLOSED', 'TRADE_SUCCESS', 'TRADE_FINISHED']

/** A genuine notification is a few kilobytes; anything far larger is not read. */
const MAX_BYTES = 64 * 1024

/** One means of payment and the amount it covered, in fen. */
export interface FundBill {
  /** `ALIPAYACCOUNT` balance, `PCREDIT` Huabei, `BANKCARD`, `COUPON`, … */
  readonly fundChannel: string
  readonly amount: number
}

/**
 * A genuine notification. Amounts are in fen. Genuine does not mean that it is about your order: compare the fields.
 */
export interface Notification {
  readonly ok: true
  /** The same in every delivery of one event. */
  readonly notifyId: string
  readonly appId: string
  readonly sellerId: string
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly tradeStatus: TradeStatus
  /** The order's amount. */
  readonly totalAmount: number
  /** When this delivery was sent. */
  readonly notifyTime: Date
  readonly gmtCreate: Date | undefined
  readonly gmtPayment: Date | undefined
  /** Set on notifications of refunds. */
  readonly gmtRefund: Date | undefined
  readonly gmtClose: Date | undefined
  /** Cumulative; set on notifications of refunds. */
  readonly refundFee: number | undefined
  /** The refund's request number, or the trade's number if the refund had none. */
  readonly outBizNo: string | undefined
  readonly subject: string | undefined
  readonly body: string | undefined
  /** `undefined` for applications on the openid scheme; see `buyerOpenId`. */
  readonly buyerId: string | undefined
  readonly buyerOpenId: string | undefined
  /** Masked. */
  readonly buyerLogonId: string | undefined
  /** What the merchant receives, before the fee. */
  readonly receiptAmount: number | undefined
  readonly buyerPayAmount: number | undefined
  readonly invoiceAmount: number | undefined
  readonly pointAmount: number | undefined
  readonly fundBillList: readonly FundBill[] | undefined
  /** As passed to `pagePayUrl`. */
  readonly passbackParams: string | undefined
  /** What the signature covers, plus `sign` and `sign_type`. */
  readonly parameters: Parameters
  readonly canonical: string
}

/**
 * Verifies a notification and reads it.
 * @param body the raw bytes, before any parsing
 * @param contentType the request's header; must be form-urlencoded
 */
export async function verifyNotification(
  body: Uint8Array | string,
  contentType: string | undefined,
  verifier: Verifier,
): Promise<Notification | Refused> {
  if (body.length > MAX_BYTES) return { ok: false, code: 'TOO_LARGE', message: 'The body is larger than 64 KiB.' }
  if (!/^application\/x-www-form-urlencoded\b/i.test(contentType?.trim() ?? '')) {
    return {
      ok: false,
      code: 'NOT_FORM_ENCODED',
      message: 'The content type is not application/x-www-form-urlencoded.',
    }
  }
  const form = await verifyForm(body, verifier)
  if (!form.ok) return form
  const { parameters, canonical } = form
  return (
    readFields(parameters, canonical) ?? {
      ok: false,
      code: 'MISSING_PARAMETER',
      message: 'The signature is valid, but a parameter that every payment notification has is missing or unreadable.',
      parameters,
      canonical,
    }
  )
}

function readFields(parameters: Parameters, canonical: string): Notification | undefined {
  const text = (name: string) => parameters.get(name) || undefined
  const notifyId = text('notify_id')
  const appId = text('app_id')
  const outTradeNo = text('out_trade_no')
  const tradeNo = text('trade_no')
  const tradeStatus = text('trade_status')
  const totalAmount = readAmount(text('total_amount'))
  const notifyTime = readTime(text('notify_time'))
  if (!notifyId || !appId || !outTradeNo || !tradeNo || totalAmount === undefined || !notifyTime) return undefined
  if (!tradeStatus || !isTradeStatus(tradeStatus)) return undefined
  const refundFee = readAmount(text('refund_fee'))
  // An unreadable refund must not look like a payment.
  if (text('refund_fee') && refundFee === undefined) return undefined
  return {
    ok: true,
    notifyId,
    appId,
    sellerId: text('seller_id') ?? '',
    outTradeNo,
    tradeNo,
    tradeStatus,
    totalAmount,
    notifyTime,
    gmtCreate: readTime(text('gmt_create')),
    gmtPayment: readTime(text('gmt_payment')),
    gmtRefund: readTime(text('gmt_refund')),
    gmtClose: readTime(text('gmt_close')),
    // A refund fee of 0 is not a refund.
    refundFee: refundFee || undefined,
    outBizNo: text('out_biz_no'),
    subject: text('subject'),
    body: text('body'),
    buyerId: text('buyer_id'),
    buyerOpenId: text('buyer_open_id'),
    buyerLogonId: text('buyer_logon_id'),
    receiptAmount: readAmount(text('receipt_amount')),
    buyerPayAmount: readAmount(text('buyer_pay_amount')),
    invoiceAmount: readAmount(text('invoice_amount')),
    pointAmount: readAmount(text('point_amount')),
    fundBillList: readFundBills(text('fund_bill_list')),
    passbackParams: readPassback(text('passback_params')),
    parameters,
    canonical,
  }
}

/** JSON text, in camelCase in notifications and in snake_case in answers. */
export function readFundBills(list: unknown): FundBill[] | undefined {
  const items = typeof list === 'string' ? parseJson(list) : list
  if (!Array.isArray(items)) return undefined
  return items.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return []
    const { fundChannel, fund_channel, amount } = item as Readonly<Record<string, unknown>>
    const channel = fundChannel ?? fund_channel
    const fen = readAmount(String(amount))
    return typeof channel === 'string' && fen !== undefined ? [{ fundChannel: channel, amount: fen }] : []
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The value comes back with the one level of URL encoding that the request must use. */
function readPassback(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    return text
  }
}

export const isTradeStatus = (text: string): text is TradeStatus => TRADE_STATUSES.includes(text)
