/** The gateway's own errors (Alipay, common error codes): code, msg, sub_code and sub_msg on the wire. */

export interface GatewayError {
  readonly code: string
  readonly msg: string
  readonly subCode: string
  readonly subMsg: string
  /** Further fields of the answer; the refusal of a trade still includes its numbers and zero amounts. */
  readonly fields?: Readonly<Record<string, string>>
}

const MESSAGES = {
  '20000': 'Service Currently Unavailable',
  '20001': 'Insufficient Token Permissions',
  '40001': 'Missing Required Arguments',
  '40002': 'Invalid Arguments',
  '40003': 'Insufficient Conditions',
  '40004': 'Business Failed',
  '40005': 'Call Limited',
  '40006': 'Insufficient Permissions',
} as const

/** sub_code → code and sub_msg. */
const GATEWAY = {
  'isv.missing-method': ['40001', '缺少方法名参数'],
  'isv.missing-app-id': ['40001', '缺少应用ID参数'],
  'isv.missing-signature': ['40001', '缺少签名参数'],
  'isv.missing-signature-type': ['40001', '缺少签名类型参数'],
  'isv.missing-timestamp': ['40001', '缺少时间戳参数'],
  'isv.missing-version': ['40001', '缺少版本参数'],
  'isv.decryption-error-missing-encrypt-type': ['40001', '解密出错, 未指定加密算法'],
  'isv.missing-signature-config': ['40003', '验签出错，未配置对应签名算法的公钥或者证书'],
  'isv.missing-app-cert-sn': ['40002', '缺少应用公钥证书序列号'],
  'isv.missing-alipay-root-cert-sn': ['40002', '缺少支付宝根证书序列号'],
  'isv.invalid-alipay-root-cert-sn': ['40002', '支付宝根证书序列号无效'],
  'isv.app-cert-not-exist': ['40002', '应用公钥证书不存在'],
  'isv.app-cert-expired': ['40002', '应用公钥证书已过期'],
  'isv.alipay-cert-not-exist': ['40002', '支付宝公钥证书不存在'],
  'isv.invalid-app-id': ['40002', '无效的AppID参数'],
  'isv.invalid-method': ['40002', '不存在的方法名'],
  'isv.invalid-format': ['40002', '无效的数据格式'],
  'isv.invalid-charset': ['40002', '字符集错误,目前支持GBK,UTF-8'],
  'isv.invalid-signature': ['40002', '无效签名'],
  'isv.invalid-signature-type': ['40002', '无效签名类型'],
  'isv.invalid-timestamp': ['40002', '非法的时间戳参数'],
  'isv.invalid-parameter': ['40002', '参数无效'],
  'isv.illegal-json': ['40002', '参数不是合法的JSON格式'],
  'isv.invalid-encrypt-type': ['40002', '无效的加密算法'],
  'isv.invalid-encrypt': ['40002', '加密异常'],
  'isv.decryption-error-unknown': ['40002', '解密出错，未知异常'],
  'isv.invalid-token': ['40002', '无效令牌'],
  'isv.invalid_arguments': ['40004', '入参不合法'],
  'aop.invalid-app-auth-token': ['20001', '无效的应用授权令牌'],
  'aop.invalid-auth-token': ['20001', '无效的访问令牌'],
  'isp.unknow-error': ['20000', '系统繁忙'],
  'isv.insufficient-isv-permissions': ['40006', 'ISV权限不足，建议在开发者中心检查对应功能是否已经添加'],
} as const satisfies Record<string, readonly [keyof typeof MESSAGES, string]>

export type GatewayCode = keyof typeof GATEWAY

/** One of the gateway's own errors; `subMsg` replaces its usual text. */
export function gatewayError(subCode: GatewayCode, subMsg?: string): GatewayError {
  const [code, usual] = GATEWAY[subCode]
  return { code, msg: MESSAGES[code], subCode, subMsg: subMsg ?? usual }
}

/** sub_code → sub_msg, all under code 40004. */
const BUSINESS = {
  'ACQ.SYSTEM_ERROR': '系统错误',
  'ACQ.INVALID_PARAMETER': '参数无效',
  'ACQ.ACCESS_FORBIDDEN': '无权限使用接口',
  'ACQ.TRADE_NOT_EXIST': '交易不存在',
  'ACQ.TRADE_STATUS_ERROR': '交易状态不合法',
  'ACQ.TRADE_HAS_CLOSE': '交易已经关闭',
  'ACQ.TRADE_HAS_FINISHED': '交易已完结',
  'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL': '撤销或退款金额与订单金额不一致',
  'ACQ.REASON_TRADE_REFUND_FEE_ERR': '退款金额无效',
  'ACQ.REFUND_FEE_ERROR': '交易退款金额有误',
  'ACQ.DISCORDANT_REPEAT_REQUEST': '不一致的请求',
  'ACQ.SELLER_BALANCE_NOT_ENOUGH': '卖家余额不足',
  'ACQ.NOT_ALLOW_PARTIAL_REFUND': '不支持部分退款',
  'ACQ.TRADE_NOT_ALLOW_REFUND': '当前交易不允许退款',
  'ACQ.SUB_GOODS_SIZE_MAX_COUNT': '子商品明细超长',
  NO_BILL_DATA: '无账单数据',
  INVAILID_ARGUMENTS: '入参不合法',
  BILL_NOT_EXIST: '账单不存在',
  BILL_DATE_BEFORE_REGISTRATION: '账单日期早于注册日期',
  TYPE_NOT_SUPPORTED: '账单类型不支持',
} as const

export type BusinessCode = keyof typeof BUSINESS

/** A business refusal, code 40004. `subMsg` replaces the usual text. */
export function businessError(
  subCode: BusinessCode,
  fields: Readonly<Record<string, string>> = {},
  subMsg?: string,
): GatewayError {
  return { code: '40004', msg: MESSAGES['40004'], subCode, subMsg: subMsg ?? BUSINESS[subCode], fields }
}
