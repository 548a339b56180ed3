/**
 * Authenticates callers of `/v3/…` by the request's signature (WeChat Pay, "Request signature", "Authentication
 * failures").
 */
import type { FastifyRequest } from 'fastify'
import type { Sandbox } from '../../sandbox.ts'
import { unauthorized, type WechatError, wechatError } from '../errors.ts'
import type { WechatMerchant } from '../merchants.ts'
import { isSignedBy, readAuthorization, requestText } from '../signing.ts'

const WINDOW_S = 5 * 60

/**
 * Checks in WeChat's order: format, time, merchant, signature. A refusal is never signed, since the caller is unknown.
 */
export function whoAsks(sandbox: Sandbox, request: FastifyRequest, body: Buffer): WechatMerchant | WechatError {
  const url = request.raw.url ?? ''
  const isTransaction = url.startsWith('/v3/pay/transactions/')
  if (!request.headers['user-agent'] || !takesJson(request.headers.accept)) {
    // Observed at WeChat: the transactions' endpoints treat this as a failed signature.
    if (isTransaction) return unauthorized('签名信息错误，验签失败')
    return { ...wechatError('INVALID_REQUEST', 'Http头缺少Accept或User-Agent'), signed: false }
  }
  const { authorization: header } = request.headers
  // Observed at WeChat: only this answer of the transactions' endpoints has no Request-ID.
  if (header === undefined && isTransaction) return { ...unauthorized('签名信息错误，验签失败'), numbered: false }
  const authorization = readAuthorization(header)
  if (!authorization) return unauthorized('Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》')
  // Freshness concerns the network: it uses the real clock, however far the sandbox's has been moved.
  const off = Math.abs(Date.now() / 1000 - Number(authorization.timestamp))
  if (!(off <= WINDOW_S)) return unauthorized('Http头Authorization中的timestamp与发起请求的时间不得超过5分钟')
  const merchant = sandbox.wechat.merchants.find(authorization.mchId)
  if (!merchant || merchant.serialNo.toUpperCase() !== authorization.serialNo.toUpperCase()) {
    return unauthorized('商户证书序列号有误。请使用签名私钥匹配的证书序列号')
  }
  const signed = { method: request.method, url, body }
  if (isSignedBy(merchant.merchantKey, authorization, signed)) return merchant
  const text = requestText(authorization, signed)
  return unauthorized('签名错误，请检查后再试', {
    detail: { issue: 'sign not match' },
    field: 'signature',
    location: 'authorization',
    sign_information: {
      method: request.method,
      sign_message_length: text.length,
      truncated_sign_message: text.toString('utf8').slice(0, 100),
      url,
    },
  })
}

/** WeChat requires JSON; observed: callers that accept anything pass. */
const takesJson = (accept: string | undefined): boolean =>
  (accept ?? '')
    .split(',')
    .some((part) => ['application/json', '*/*'].includes((part.split(';')[0] ?? '').trim().toLowerCase()))
