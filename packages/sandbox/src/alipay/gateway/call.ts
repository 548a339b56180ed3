/** One server call to the gateway, from its parameters to the response, with any active faults. */

import { encode } from '../../core/charset.ts'
import type { Fault } from '../../core/faults/fault.ts'
import type { Sandbox } from '../../sandbox.ts'
import { billAddress } from '../bills/bills.ts'
import type { Merchant } from '../merchants.ts'
import { answerBody, errorText, type Fields, nodeName, type Signer, successText } from './answer.ts'
import { type Business, isError, readBusiness } from './business.ts'
import { checkCall } from './checks.ts'
import { decryptContent, encryptContent } from './encryption.ts'
import { businessError, type GatewayError, gatewayError } from './errors.ts'
import type { Parameters } from './parameters.ts'
import { queryRefund, refundTrade } from './refund-methods.ts'
import { closeTrade, type Outcome, queryTrade } from './trade-methods.ts'

type Method = (sandbox: Sandbox, merchant: Merchant, business: Business, base: string) => Outcome

const METHODS: Readonly<Record<string, Method>> = {
  'alipay.trade.query': queryTrade,
  'alipay.trade.close': closeTrade,
  'alipay.trade.refund': refundTrade,
  'alipay.trade.fastpay.refund.query': queryRefund,
  'alipay.data.dataservice.bill.downloadurl.query': billAddress,
  'alipay.open.app.alipaycert.download': downloadCertificate,
}

/** The response: a body, or silence for some seconds, or an HTTP error. */
export type Reaction =
  | { readonly kind: 'body'; readonly body: Buffer }
  | { readonly kind: 'silence'; readonly seconds: number }
  | { readonly kind: 'http-500' }

const SILENCE = 30

/** `base` is the address at which the caller reached the sandbox, for addresses in answers. */
export async function answerCall(sandbox: Sandbox, parameters: Parameters, base: string): Promise<Reaction> {
  const { charset } = parameters
  const methodName = parameters.get('method')
  const name = nodeName(methodName)
  const checked = checkCall(parameters, sandbox.merchants, sandbox.clock.now())
  const signer: Signer | undefined = checked.merchant && {
    merchant: checked.merchant,
    type: checked.signType,
    certificateSn: checked.merchant.certificates?.alipayCertSn,
  }
  const refuse = async (error: GatewayError, node = name): Promise<Reaction> => ({
    kind: 'body',
    body: await answerBody(node, errorText(error), charset, signer),
  })
  if (!checked.ok) return refuse(checked.error)
  const method = Object.hasOwn(METHODS, methodName) ? METHODS[methodName] : undefined
  if (!method) return refuse(gatewayError('isv.invalid-method'), 'error_response')
  const content = readContent(parameters, checked.merchant)
  if (isError(content)) return refuse(content)

  const target = {
    ...tradeOf(sandbox, checked.merchant, content.business),
    appId: checked.merchant.appId,
    method: methodName,
  }
  const before = sandbox.faults.strike(
    ['timeout-before', 'http-500', 'unavailable', 'gbk-error', 'business-error'],
    target,
  )
  const instead = before && reactInstead(before)
  if (instead && 'kind' in instead) return instead
  const outcome = instead ?? method(sandbox, checked.merchant, content.business, base)
  const after = sandbox.faults.strike(['timeout-after', 'system-error'], target)
  if (after?.kind === 'timeout-after') return { kind: 'silence', seconds: after.options.seconds ?? SILENCE }
  const node = textOf(after ? businessError('ACQ.SYSTEM_ERROR') : outcome)
  const wire = content.encrypted ? `"${encryptContent(node, checked.merchant.aesKey, charset)}"` : node
  return { kind: 'body', body: await answerBody(name, wire, charset, signer) }
}

function textOf(outcome: Outcome): string {
  return isError(outcome) ? errorText(outcome) : successText(outcome.fields)
}

function reactInstead({ kind, options }: Fault): Reaction | GatewayError {
  if (kind === 'timeout-before') return { kind: 'silence', seconds: options.seconds ?? SILENCE }
  if (kind === 'http-500') return { kind: 'http-500' }
  const busy = gatewayError('isp.unknow-error')
  if (kind === 'unavailable') return busy
  // Observed at Alipay: this one comes in GBK whatever the request's charset, in error_response and unsigned.
  if (kind === 'gbk-error') {
    const text = errorText({ ...busy, subCode: 'aop.unknow-error' })
    return { kind: 'body', body: encode(`{"error_response":${text}}`, 'gbk') }
  }
  const subCode = options.subCode ?? 'ACQ.SYSTEM_ERROR'
  return { ...businessError('ACQ.SYSTEM_ERROR', {}, options.subMsg ?? '沙箱按要求返回的错误'), subCode }
}

/** The trade of a call, as a fault's target. */
function tradeOf(sandbox: Sandbox, merchant: Merchant, business: Business): { readonly outTradeNo?: string } {
  const tradeNo = business.text('trade_no')
  if (tradeNo === '') return { outTradeNo: business.text('out_trade_no') }
  const trade = sandbox.trades.find(tradeNo)
  return trade?.sellerId === merchant.sellerId ? { outTradeNo: trade.outTradeNo } : {}
}

interface Content {
  readonly business: Business
  readonly encrypted: boolean
}

/** biz_content, decrypted if the call says it is encrypted. */
export function readContent(parameters: Parameters, merchant: Merchant): Content | GatewayError {
  const text = parameters.get('biz_content')
  const type = parameters.get('encrypt_type')
  if (type === '') {
    const looksEncrypted = text.length >= 24 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
    if (looksEncrypted) return gatewayError('isv.decryption-error-missing-encrypt-type')
    const business = readBusiness(text)
    return isError(business) ? business : { business, encrypted: false }
  }
  if (type !== 'AES') return gatewayError('isv.invalid-encrypt-type')
  const plain = decryptContent(text, merchant.aesKey, parameters.charset)
  if (plain === undefined) return gatewayError('isv.decryption-error-unknown')
  const business = readBusiness(plain)
  return isError(business) ? business : { business, encrypted: true }
}

/** The certificate that currently signs answers, for clients that see an unknown `alipay_cert_sn`. */
function downloadCertificate(_sandbox: Sandbox, { certificates }: Merchant, business: Business): Outcome {
  if (!certificates || business.text('alipay_cert_sn') !== certificates.alipayCertSn) {
    return gatewayError('isv.alipay-cert-not-exist')
  }
  const fields: Fields = { alipay_cert_content: Buffer.from(certificates.alipayCert, 'utf8').toString('base64') }
  return { fields }
}
