/**
 * The gateway's checks before any business logic: application, then signature, then common parameters (Alipay, common
 * error codes).
 */
import { charsetNamed } from '../../core/charset.ts'
import { parseBeijing } from '../../core/time.ts'
import type { Merchant, Merchants } from '../merchants.ts'
import { canonicalString, type SignType, verifyText } from '../signature.ts'
import { type GatewayError, gatewayError } from './errors.ts'
import type { Parameters } from './parameters.ts'

export type Checked =
  | { readonly ok: true; readonly merchant: Merchant; readonly signType: SignType }
  /** `merchant` is set once the application is known; only then can the refusal be signed. */
  | { readonly ok: false; readonly error: GatewayError; readonly merchant?: Merchant; readonly signType: SignType }

/** Checks a call in Alipay's order; answers with the first error. */
export function checkCall(parameters: Parameters, merchants: Merchants, now: number): Checked {
  const given = parameters.get('sign_type')
  const signType: SignType = given === 'RSA' ? 'RSA' : 'RSA2'
  if (parameters.get('method') === '') return { ok: false, error: gatewayError('isv.missing-method'), signType }
  if (parameters.get('app_id') === '') return { ok: false, error: gatewayError('isv.missing-app-id'), signType }
  const merchant = merchants.find(parameters.get('app_id'))
  if (!merchant) return { ok: false, error: gatewayError('isv.invalid-app-id'), signType }
  const error =
    certificateError(parameters, merchant, now) ??
    signatureError(parameters, merchant, signType) ??
    parameterError(parameters)
  return error ? { ok: false, error, merchant, signType } : { ok: true, merchant, signType }
}

/** In certificate mode requests and answers name their certificates (Alipay, certificate mode, common errors). */
function certificateError(parameters: Parameters, merchant: Merchant, now: number): GatewayError | undefined {
  if (merchant.keyMode !== 'cert' || !merchant.certificates) return undefined
  const { appCertSn, rootCertSn, appCertUntil } = merchant.certificates
  if (parameters.get('app_cert_sn') === '') return gatewayError('isv.missing-app-cert-sn')
  if (parameters.get('alipay_root_cert_sn') === '') return gatewayError('isv.missing-alipay-root-cert-sn')
  if (parameters.get('alipay_root_cert_sn') !== rootCertSn) return gatewayError('isv.invalid-alipay-root-cert-sn')
  if (parameters.get('app_cert_sn') !== appCertSn) return gatewayError('isv.app-cert-not-exist')
  return appCertUntil <= now ? gatewayError('isv.app-cert-expired') : undefined
}

function signatureError(parameters: Parameters, merchant: Merchant, signType: SignType): GatewayError | undefined {
  const named = parameters.get('charset')
  const charset = named === '' ? parameters.charset : charsetNamed(named)
  if (!parameters.charsetKnown || charset === undefined) return gatewayError('isv.invalid-charset')
  const sign = parameters.get('sign')
  if (sign === '') return gatewayError('isv.missing-signature')
  const given = parameters.get('sign_type')
  if (given === '') return gatewayError('isv.missing-signature-type')
  if (given !== signType) return gatewayError('isv.invalid-signature-type')
  if (!merchant.appKey) return gatewayError('isv.missing-signature-config')
  const text = canonicalString(parameters.pairs, ['sign'])
  // Decoded in the charset of the address, but verified in the named one: if they differ, only ASCII survives.
  if (verifyText(text, sign, charset, merchant.appKey, signType)) return undefined
  return gatewayError('isv.invalid-signature', signatureHelp(text, parameters))
}

/**
 * The refusal's message ends with the string that the gateway built; a body in another charset than the query's gets
 * its own hint.
 */
function signatureHelp(text: string, parameters: Parameters): string {
  const hint =
    parameters.charsetEcho === 'GBK' && parameters.get('charset').toLowerCase() === 'utf-8'
      ? '，同时建议将charset参数放到请求URL的query string中'
      : ''
  const shown = text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text
  return `验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配${hint}，网关生成的验签字符串为：${shown.replaceAll('&', '&amp;')}`
}

const QUOTED = 16_384

function parameterError(parameters: Parameters): GatewayError | undefined {
  if (parameters.get('version') === '') return gatewayError('isv.missing-version')
  if (parameters.get('version') !== '1.0') return gatewayError('isv.invalid-parameter', '参数version无效')
  if (parameters.get('timestamp') === '') return gatewayError('isv.missing-timestamp')
  if (parseBeijing(parameters.get('timestamp')) === undefined) return gatewayError('isv.invalid-timestamp')
  const format = parameters.get('format')
  if (format !== '' && format.toLowerCase() !== 'json') return gatewayError('isv.invalid-format')
  if (parameters.get('app_auth_token') !== '') return gatewayError('aop.invalid-app-auth-token')
  if (parameters.get('auth_token') !== '') return gatewayError('aop.invalid-auth-token')
  return undefined
}
