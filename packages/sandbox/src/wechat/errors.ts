/** WeChat Pay's refusals: HTTP status, code and words (WeChat Pay, "Errors"). */

export interface WechatError {
  readonly error: true
  readonly status: number
  readonly code: string
  readonly message: string
  /** Refusals of who asks are not signed. */
  readonly signed: boolean
}

const CODES = {
  PARAM_ERROR: [400, '参数错误'],
  INVALID_REQUEST: [400, '无效请求'],
  APPID_MCHID_NOT_MATCH: [400, 'appid和mch_id不匹配'],
  ORDER_CLOSED: [400, '订单已关闭'],
  ORDERPAID: [400, '订单已支付'],
  NO_STATEMENT_EXIST: [400, '账单文件不存在'],
  STATEMENT_CREATING: [400, '账单生成中'],
  OUT_TRADE_NO_USED: [403, '商户订单号重复'],
  NOT_ENOUGH: [403, '基本账户余额不足，请充值后重新发起'],
  NO_AUTH: [403, '商户无权限'],
  ORDER_NOT_EXIST: [404, '订单不存在'],
  RESOURCE_NOT_EXISTS: [404, '查询的资源不存在'],
  FREQUENCY_LIMITED: [429, '频率超限'],
  SYSTEM_ERROR: [500, '系统错误'],
} as const

export type WechatCode = keyof typeof CODES

export function wechatError(code: WechatCode, message?: string): WechatError {
  const [status, words] = CODES[code]
  return { error: true, status, code, message: message ?? words, signed: true }
}

/** 401: who asks could not be known, so that nothing is signed. */
export const unauthorized = (message: string): WechatError => ({
  error: true,
  status: 401,
  code: 'SIGN_ERROR',
  message,
  signed: false,
})

export const isWechatError = (value: object): value is WechatError => 'error' in value && value.error === true
