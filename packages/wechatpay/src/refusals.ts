/** WeChat Pay's refusals: what each code means, and whether the same request may be repeated. */
import type { JsonObject } from './json.ts'

/**
 * `same`: the very same request may be sent again and may succeed. `changed`: only after the request or the account has
 * changed. `never`: it cannot succeed for this number. `ask`: only a query can tell the state.
 */
export type Repeat = 'same' | 'changed' | 'never' | 'ask'

interface Entry {
  readonly meaning: string
  readonly repeat: Repeat
}

const same = (meaning: string): Entry => ({ meaning, repeat: 'same' })
const changed = (meaning: string): Entry => ({ meaning, repeat: 'changed' })
const never = (meaning: string): Entry => ({ meaning, repeat: 'never' })
const ask = (meaning: string): Entry => ({ meaning, repeat: 'ask' })

const ANY = {
  PARAM_ERROR: changed('a field is malformed, or differs from what the number was first used with'),
  INVALID_REQUEST: changed('the request breaks a rule, or differs from what the number was first used with'),
  NO_AUTH: changed('the merchant has no right to this'),
  MCH_NOT_EXISTS: changed('no such merchant'),
  RULE_LIMIT: changed('a rule of the merchant or of risk control forbids it'),
} as const

/** Of the three methods that create an order. */
export const CREATE_CODES = {
  ...ANY,
  APPID_MCHID_NOT_MATCH: changed('the app id is not bound to the merchant'),
  OUT_TRADE_NO_USED: changed('the number was used with other parameters'),
  ORDER_CLOSED: never('the number is closed; use a new one'),
  ORDER_PAID: ask('the number is paid already'),
  OPENID_MISMATCH: changed('the openid is not of this app id'),
} as const

/** Of closing. */
export const CLOSE_CODES = {
  ...ANY,
  ORDER_PAID: ask('paid: it cannot be closed'),
  ORDER_CLOSED: ask('closed already'),
  TRADE_ERROR: ask('its state does not allow closing'),
  ORDER_NOT_EXIST: never('no such number'),
} as const

/** Of refunds. */
export const REFUND_CODES = {
  ...ANY,
  INVALID_REQUEST: changed('more than is left, or this refund number was used with another amount'),
  NOT_ENOUGH: same("the merchant's balance is too low; top it up, then repeat with the same number"),
  USER_ACCOUNT_ABNORMAL: never("the buyer's account is closed or frozen; refund another way"),
  RESOURCE_NOT_EXISTS: changed('no such order, or it is not paid'),
  TRADE_OVERDUE: never('paid too long ago to be refunded'),
  REQUEST_BLOCKED: changed('blocked by risk control'),
  REFUND_FEE_MISMATCH: changed("the amounts differ from the order's"),
} as const

/** Of refund queries. */
export const REFUND_QUERY_CODES = {
  ...ANY,
  RESOURCE_NOT_EXISTS: changed('no such refund'),
} as const

/** Of bill requests. */
export const BILL_CODES = {
  ...ANY,
  NO_STATEMENT_EXIST: never('there is nothing for this day'),
  STATEMENT_CREATING: same('not ready; bills come by 10:00 the day after'),
} as const

export type CreateCode = keyof typeof CREATE_CODES
export type CloseCode = keyof typeof CLOSE_CODES
export type RefundCode = keyof typeof REFUND_CODES
export type RefundQueryCode = keyof typeof REFUND_QUERY_CODES
export type BillCode = keyof typeof BILL_CODES

/**
 * WeChat understood the request and refused it. Not every such answer is signed, and none is verified: it is a hint.
 * Query before deciding about money.
 */
export interface Refusal<Code extends string = string> {
  readonly ok: false
  /** In the spelling of the current documents if they have the code, else unchanged. */
  readonly code: Code | (string & Record<never, never>)
  /** WeChat's own text, for people. */
  readonly message: string
  readonly meaning: string
  readonly repeat: Repeat
  /** The HTTP status. */
  readonly status: number
  readonly requestId: string | undefined
  readonly values: JsonObject
}

/** An error answer before its interface explains it. */
export interface ErrorAnswer {
  readonly ok: false
  readonly status: number
  readonly code: string
  readonly message: string
  readonly requestId: string | undefined
  readonly values: JsonObject
}

/** A refusal as a value, explained by its interface's table; an undocumented code must not be repeated unchanged. */
export function refusal<Code extends string>(
  { status, code, message, requestId, values }: ErrorAnswer,
  table: Readonly<Record<Code, Entry>>,
): Refusal<Code> {
  const known = (Object.keys(table) as Code[]).find((each) => sameCode(each, code))
  const { meaning, repeat } = known ? table[known] : changed('not in the documented list')
  return { ok: false, code: known ?? code, message, meaning, repeat, status, requestId, values }
}

/** Over the years codes have come with and without their underscores. */
export const sameCode = (left: string, right: string): boolean => left.replaceAll('_', '') === right.replaceAll('_', '')
