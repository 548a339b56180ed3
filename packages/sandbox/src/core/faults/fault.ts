/** The deliberate faults, and their scope. */

export const NOTIFICATION_FAULTS = [
  'drop',
  'delay',
  'duplicate',
  'reorder',
  'corrupt-sign',
  'wrong-amount',
  'wrong-app-id',
  'wrong-seller-id',
  'sign-test',
] as const
export const TRADE_FAULTS = ['pay-late', 'finished', 'gbk', 'refund-abnormal', 'refund-closed'] as const
export const GATEWAY_FAULTS = [
  'business-error',
  'system-error',
  'unavailable',
  'timeout-before',
  'timeout-after',
  'http-500',
  'gbk-error',
] as const

export const FAULTS = [...NOTIFICATION_FAULTS, ...TRADE_FAULTS, ...GATEWAY_FAULTS] as const
export type FaultKind = (typeof FAULTS)[number]

/** A description of each, for people. */
export const FAULT_TEXTS: Readonly<Record<FaultKind, readonly [zh: string, en: string]>> = {
  drop: ['通知在途中丢失，按计划重试', 'The attempt is lost in transit; retries continue as scheduled'],
  delay: ['通知推迟若干秒才首次发送', 'The first attempt is delayed by some seconds'],
  duplicate: ['同一通知立即再发一次', 'The same notification is sent again at once'],
  reorder: ['等下一条通知先送达后再发', 'Held until the next notification has been delivered'],
  'corrupt-sign': ['签名被篡改', 'The signature is altered'],
  'wrong-amount': ['金额多一分，签名有效', 'One fen too much, with a valid signature'],
  'wrong-app-id': ['应用号属于他人，签名有效', 'Another app_id, with a valid signature'],
  'wrong-seller-id': ['卖家号属于他人，签名有效', 'Another seller_id, with a valid signature'],
  'sign-test': ['微信支付的签名探测：故意发送错误签名', 'WeChat Pay’s sign test: a deliberately wrong signature'],
  'pay-late': ['买家确认后若干秒才真正付款', 'The payment happens some seconds after the buyer confirmed'],
  finished: ['付款后直接 TRADE_FINISHED', 'Paid trades are TRADE_FINISHED at once'],
  'refund-abnormal': ['微信退款异常，等待处理', 'A WeChat Pay refund gets stuck: ABNORMAL'],
  'refund-closed': ['微信退款关闭，钱没有退回', 'A WeChat Pay refund is closed: no money was returned'],
  gbk: ['通知与返回使用 GBK', 'Notification and return come in GBK'],
  'business-error': ['接口返回指定业务错误，不执行', 'Answers a chosen business error without acting'],
  'system-error': ['执行后返回 ACQ.SYSTEM_ERROR', 'Acts, then answers ACQ.SYSTEM_ERROR'],
  unavailable: ['返回 20000，不执行', 'Answers 20000 without acting'],
  'timeout-before': ['不执行，也不响应', 'Neither acts nor answers'],
  'timeout-after': ['执行，但不响应', 'Acts, but does not answer'],
  'http-500': ['返回 HTTP 500，不执行', 'Answers HTTP 500 without acting'],
  'gbk-error': ['返回 GBK 编码的系统繁忙', 'Answers “system busy” in GBK bytes'],
}

export interface FaultScope {
  readonly appId?: string
  readonly outTradeNo?: string
}

export interface FaultOptions {
  /** Only calls of this method, e.g. `alipay.trade.refund`. */
  readonly method?: string
  /** Of `delay`, `pay-late`, `reorder` (longest wait) and the time-outs. */
  readonly seconds?: number
  /** Of `business-error`, e.g. `ACQ.SELLER_BALANCE_NOT_ENOUGH`. */
  readonly subCode?: string
  readonly subMsg?: string
  /** From 0 to 1; always where absent. */
  readonly probability?: number
}

export interface Fault {
  readonly id: number
  readonly kind: FaultKind
  /** Empty for everything. */
  readonly scope: FaultScope
  readonly options: FaultOptions
  /** How many more times it strikes; undefined for unlimited. */
  readonly remaining: number | undefined
  readonly createdAt: number
}

/** What a fault may apply to. */
export interface Target {
  readonly appId: string
  readonly outTradeNo?: string | undefined
  readonly method?: string | undefined
}

export function matches({ scope, options }: Fault, target: Target): boolean {
  if (scope.appId !== undefined && scope.appId !== target.appId) return false
  if (scope.outTradeNo !== undefined && scope.outTradeNo !== target.outTradeNo) return false
  return options.method === undefined || options.method === target.method
}
