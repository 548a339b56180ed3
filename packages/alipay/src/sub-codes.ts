/** Alipay's business refusals (code 40004): what each sub_code means, and whether the same request may be repeated. */
import type { AnswerFields } from './answer.ts'

/**
 * `same`: the very same request may be sent again and may succeed. `changed`: only after the request or the account has
 * changed. `never`: it cannot succeed for this trade.
 */
export type Repeat = 'same' | 'changed' | 'never'

interface Entry {
  readonly meaning: string
  readonly repeat: Repeat
}

const same = (meaning: string): Entry => ({ meaning, repeat: 'same' })
const changed = (meaning: string): Entry => ({ meaning, repeat: 'changed' })
const never = (meaning: string): Entry => ({ meaning, repeat: 'never' })

const TRADE = {
  'ACQ.SYSTEM_ERROR': same('Alipay does not know the outcome'),
  'ACQ.INVALID_PARAMETER': changed('a field is malformed'),
  'ACQ.TRADE_NOT_EXIST': changed('no such trade; no buyer has opened its cashier page'),
  'ACQ.ENTERPRISE_PAY_BIZ_ERROR': changed("the enterprise payment's own rules refuse it"),
} as const

/** Of alipay.trade.query. */
export const QUERY_SUB_CODES = TRADE

/** Of alipay.trade.fastpay.refund.query. */
export const REFUND_QUERY_SUB_CODES = { ...TRADE, TRADE_NOT_EXIST: changed('no such trade') } as const

/** Of alipay.trade.close. */
export const CLOSE_SUB_CODES = {
  'ACQ.SYSTEM_ERROR': TRADE['ACQ.SYSTEM_ERROR'],
  'ACQ.INVALID_PARAMETER': TRADE['ACQ.INVALID_PARAMETER'],
  'ACQ.TRADE_NOT_EXIST': changed('nothing to close yet: only time_expire stops the link from being paid later'),
  'ACQ.TRADE_STATUS_ERROR': never('paid or closed already'),
  'ACQ.REASON_TRADE_STATUS_INVALID': never('its state does not allow closing'),
  'ACQ.REASON_ILLEGAL_STATUS': never('its state does not allow closing'),
} as const

/** Of alipay.trade.refund. */
export const REFUND_SUB_CODES = {
  ...TRADE,
  'ACQ.TRADE_STATUS_ERROR': changed('the trade is not paid'),
  'ACQ.TRADE_HAS_CLOSE': never('closed: never paid, or refunded in full'),
  'ACQ.TRADE_HAS_FINISHED': never('past the time for refunds'),
  'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL': changed('more than is left, or a part without a request number'),
  'ACQ.REASON_TRADE_REFUND_FEE_ERR': changed('more than is left to refund'),
  'ACQ.REFUND_FEE_ERROR': changed('the amount is wrong'),
  'ACQ.DISCORDANT_REPEAT_REQUEST': changed('this request number was used with another amount'),
  'ACQ.SELLER_BALANCE_NOT_ENOUGH': same("the seller's balance is too low; top it up, then repeat"),
  'ACQ.TRADE_NOT_ALLOW_REFUND': never('this trade cannot be refunded'),
  'ACQ.NOT_ALLOW_PARTIAL_REFUND': changed('only the whole amount can be refunded'),
  'ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND': never('paid with a voucher that cannot be refunded'),
  'ACQ.REASON_TRADE_STATUS_INVALID': never("the trade's state does not allow it"),
  'ACQ.REASON_TRADE_BEEN_FREEZEN': same('the trade is frozen; repeat once it is not'),
  'ACQ.BUYER_NOT_EXIST': never("the buyer's account is gone"),
  'ACQ.BUYER_ENABLE_STATUS_FORBID': same("the buyer's account is disabled; repeat once it is not"),
  'ACQ.BUYER_ERROR': changed("something is wrong with the buyer's account"),
  'ACQ.USER_NOT_MATCH_ERR': changed('the trade belongs to another account'),
  'ACQ.CUSTOMER_VALIDATE_ERROR': changed('the account could not be validated'),
  'ACQ.CURRENCY_NOT_SUPPORT': changed('the currency is not that of the trade'),
  'ACQ.ALLOC_AMOUNT_VALIDATE_ERROR': changed('the shares to take back do not add up'),
  'ACQ.TRADE_SETTLE_ERROR': same('being settled; repeat later'),
  'ACQ.REFUND_CHARGE_ERROR': same('the fee could not be returned; repeat later'),
  'ACQ.REFUND_ACCOUNT_NOT_EXIST': changed('the account to refund to does not exist'),
  'ACQ.REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST': changed('the account that had a share does not exist'),
  'ACQ.REFUNDALLOC_UNAUTH_LIMIT': changed('taking back shares is not authorised'),
} as const

/** Of alipay.data.dataservice.bill.downloadurl.query; these have no `ACQ.` in front. */
export const BILL_SUB_CODES = {
  NO_BILL_DATA: never('there is nothing for this day'),
  INVAILID_ARGUMENTS: changed('a field is wrong, or the day is not over'),
  'isv.invalid_arguments': changed('a field is wrong, or the day is not over'),
  BILL_NOT_EXIST: same('not ready; daily bills come by 09:00 the day after'),
  UNKNOWN_ERROR: same('Alipay does not know; repeat'),
  BILL_DATE_BEFORE_REGISTRATION: never('before the account existed'),
  TYPE_NOT_SUPPORTED: changed('there is no bill of this type for this account'),
  SYSTEM_RATE_LIMIT: same('too many requests; repeat later'),
  USER_RATE_LIMIT: same('too many requests by this account; repeat later'),
} as const

/** Of creating a trade. page.pay shows them to the buyer only; precreate and similar methods return them. */
export const CREATE_SUB_CODES = {
  'ACQ.SYSTEM_ERROR': TRADE['ACQ.SYSTEM_ERROR'],
  'ACQ.INVALID_PARAMETER': TRADE['ACQ.INVALID_PARAMETER'],
  'ACQ.ACCESS_FORBIDDEN': changed('the product is not signed up for'),
  'ACQ.EXIST_FORBIDDEN_WORD': changed('the order contains a forbidden word'),
  'ACQ.PARTNER_ERROR': changed('the application id is wrong'),
  'ACQ.TOTAL_FEE_EXCEED': changed('the amount is beyond the limit'),
  'ACQ.CONTEXT_INCONSISTENT': changed('the same number was used with another amount or subject'),
  'ACQ.TRADE_HAS_SUCCESS': never('paid already'),
  'ACQ.TRADE_HAS_CLOSE': never('closed; use a new number'),
  'ACQ.BUYER_SELLER_EQUAL': changed('buyer and seller are the same'),
  'ACQ.TRADE_BUYER_NOT_MATCH': changed('another buyer began this trade'),
  'ACQ.BUYER_ENABLE_STATUS_FORBID': changed("the buyer's account is disabled"),
  'ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR': same("beyond the buyer's limit for a day"),
  'ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR': same("beyond the buyer's limit for a month"),
  'ACQ.BEYOND_PAY_RESTRICTION': changed('beyond what the merchant may take'),
  'ACQ.SELLER_BEEN_BLOCKED': changed('the merchant is blocked'),
  'ACQ.INVALID_STORE_ID': changed('no such store'),
  'ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR': changed('time_expire has passed'),
  'ACQ.SUB_GOODS_SIZE_MAX_COUNT': changed('more than 150 items'),
  'ACQ.RISK_MERCHANT_IP_NOT_EXIST': changed("the merchant's IP address is missing"),
  'ACQ.MERCHANT_STATUS_NOT_NORMAL': changed('the merchant was inactive for three months'),
  'ACQ.APPLY_PC_MERCHANT_CODE_ERROR': changed('this number already has a QR code'),
} as const

export type QuerySubCode = keyof typeof QUERY_SUB_CODES
export type RefundSubCode = keyof typeof REFUND_SUB_CODES | `ACQ.OVERDRAFT_${string}`
export type RefundQuerySubCode = keyof typeof REFUND_QUERY_SUB_CODES
export type CloseSubCode = keyof typeof CLOSE_SUB_CODES
export type BillSubCode = keyof typeof BILL_SUB_CODES
export type CreateSubCode =
  | keyof typeof CREATE_SUB_CODES
  | `ACQ.BEYOND_PER_RECEIPT_${string}`
  | `ACQ.MERCHANT_PERM_RECEIPT_${string}`

/** Alipay understood the request and refused it. Signed, so it is certain that nothing happened. */
export interface BusinessRefusal<Code extends string = string> {
  readonly ok: false
  /** One of the documented codes, or a newer one. */
  readonly subCode: Code | (string & Record<never, never>)
  /** Alipay's own text, for people. */
  readonly subMsg: string
  readonly meaning: string
  readonly repeat: Repeat
  readonly values: Readonly<Record<string, unknown>>
}

const PREFIXES: readonly [string, Entry][] = [
  ['ACQ.OVERDRAFT_', changed('the overdraft agreement refuses it')],
  ['ACQ.BEYOND_PER_RECEIPT_', changed('beyond the limit of a single payment')],
  ['ACQ.MERCHANT_PERM_RECEIPT_', changed('beyond what the merchant may take')],
]

/** A refusal as a value, explained by its interface's table; an undocumented code must not be repeated unchanged. */
export function businessRefusal<Code extends string>(
  fields: AnswerFields,
  table: Readonly<Record<string, Entry>>,
): BusinessRefusal<Code> {
  const { subCode, subMsg, msg, values } = fields
  const known = Object.hasOwn(table, subCode) ? table[subCode] : undefined
  const entry = known ?? PREFIXES.find(([prefix]) => subCode.startsWith(prefix))?.[1]
  const { meaning, repeat } = entry ?? changed('not in the documented list')
  return { ok: false, subCode, subMsg: subMsg || msg, meaning, repeat, values }
}
