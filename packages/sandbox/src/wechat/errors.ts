/** WeChat Pay's refusals: HTTP status, code and message (WeChat Pay, "Errors"). */

export interface WechatError {
  readonly error: true
  readonly status: number
  readonly code: string
  readonly message: string
  /** Authentication failures are not signed. */
  readonly signed: boolean
  readonly detail?: Readonly<Record<string, unknown>> | undefined
  /** False if the answer has no `Request-ID`. */
  readonly numbered?: boolean
}

const CODES = {
  PARAM_ERROR: [400, '参数错误'],
  MCH_NOT_EXISTS: [400, '商户号不存在'],
  INVALID_REQUEST: [400, '无效请求'],
  APPID_MCHID_NOT_MATCH: [400, 'appid和mch_id不匹配'],
  ORDER_CLOSED: [400, '订单已关闭'],
  ORDERPAID: [400, '订单已支付'],
  NO_STATEMENT_EXIST: [400, '账单文件不存在'],
  STATEMENT_CREATING: [400, '账单生成中'],
  OUT_TRADE_NO_USED: [403, '商户订单号重复'],
  RULE_LIMIT: [403, '业务规则限制'],
  TRADE_ERROR: [403, '交易错误'],
  USER_ACCOUNT_ABNORMAL: [403, '退款请求失败，用户账户注销'],
  NOT_ENOUGH: [403, '基本账户余额不足，请充值后重新发起'],
  NO_AUTH: [403, '商户无权限'],
  ORDER_NOT_EXIST: [404, '订单不存在'],
  RESOURCE_NOT_EXISTS: [404, '查询的资源不存在'],
  FREQUENCY_LIMITED: [429, '频率超限'],
  SYSTEM_ERROR: [500, '系统错误'],
  BANK_ERROR: [500, '银行系统异常'],
} as const

export type WechatCode = keyof typeof CODES

export function wechatError(code: WechatCode, message?: string): WechatError {
  const [status, words] = CODES[code]
  return { error: true, status, code, message: message ?? words, signed: true }
}

/** An invalid field of a body, with its place and its value (WeChat Pay, "Errors: body"). */
export function fieldError(field: string, value: unknown, issue: string, message?: string): WechatError {
  const detail = { field, issue, location: 'body', ...(value !== undefined && { value }) }
  return { ...wechatError('PARAM_ERROR', message ?? `输入源“/body${field}”不符合要求`), detail }
}

/** A refusal with any code, with WeChat's status for it (400 for unknown codes). */
export function wechatErrorNamed(code: string, message?: string): WechatError {
  const known = Object.hasOwn(CODES, code) ? wechatError(code as WechatCode) : undefined
  return { error: true, status: known?.status ?? 400, code, message: message ?? known?.message ?? code, signed: true }
}

/** 401: the caller is unknown, so the answer is not signed. */
export const unauthorized = (message: string, detail?: WechatError['detail']): WechatError => ({
  error: true,
  status: 401,
  code: 'SIGN_ERROR',
  message,
  signed: false,
  detail,
})

/** The number after the dash in `Request-ID`: 0 for success (WeChat Pay, "Numbers after Request-ID"). */
export function requestNumber(error: WechatError | undefined): number {
  return error === undefined ? 0 : (NUMBERS[error.code] ?? 268435461)
}

const NUMBERS: Readonly<Record<string, number>> = {
  APPID_MCHID_NOT_MATCH: 268445527,
  FREQUENCY_LIMITED: 268447840,
  ORDERPAID: 268449538,
  ORDER_NOT_EXIST: 268512771,
  OUT_TRADE_NO_USED: 268498688,
  SIGN_ERROR: 268443699,
}

export const isWechatError = (value: object): value is WechatError => 'error' in value && value.error === true
