/** `/v3/…`: who asks is known by signature before anything else, and every answer that says something is signed. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FaultKind } from '../faults/fault.ts'
import { toFen } from '../money.ts'
import type { Sandbox } from '../sandbox.ts'
import { DAY, MINUTE } from '../time.ts'
import { billAddress, packed } from './bills.ts'
import { certificatesJson } from './certificates.ts'
import { isWechatError, unauthorized, type WechatError, wechatError } from './errors.ts'
import type { WechatMerchant } from './merchants.ts'
import { type Json, refundJson, tradeJson } from './messages.ts'
import { CloseOrder, H5Order, JsapiOrder, NativeOrder, RefundOrder, readBody } from './requests.ts'
import { isSignedBy, probeSignature, readAuthorization, signedHeaders, sortedJson } from './signing.ts'
import type { TradeType, WechatTrade } from './trades.ts'

const WINDOW_S = 5 * 60
const SILENCE_S = 30
const LONGEST = 7 * DAY

interface Call {
  readonly sandbox: Sandbox
  readonly merchant: WechatMerchant
  readonly body: Buffer
  readonly request: FastifyRequest
  readonly base: string
}

/** What is said back: JSON, or nothing at all (204). */
type Outcome = Json | WechatError | undefined

interface Route {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly act: (call: Call) => Outcome
  /** The number of the trade it is about, as faults name it. */
  readonly about: (call: Call) => string | undefined
}

const namedInBody = ({ body }: Call): string | undefined =>
  /"out_trade_no"\s*:\s*"([^"]{1,64})"/.exec(body.toString('latin1'))?.[1]
const namedInPath = ({ request }: Call): string | undefined => (request.params as { no?: string }).no

const ROUTES: readonly Route[] = [
  { method: 'POST', url: '/v3/pay/transactions/native', act: (call) => order(call, 'NATIVE'), about: namedInBody },
  { method: 'POST', url: '/v3/pay/transactions/h5', act: (call) => order(call, 'MWEB'), about: namedInBody },
  { method: 'POST', url: '/v3/pay/transactions/jsapi', act: (call) => order(call, 'JSAPI'), about: namedInBody },
  { method: 'GET', url: '/v3/pay/transactions/out-trade-no/:no', act: queryByNumber, about: namedInPath },
  { method: 'GET', url: '/v3/pay/transactions/id/:id', act: queryById, about: () => undefined },
  { method: 'POST', url: '/v3/pay/transactions/out-trade-no/:no/close', act: close, about: namedInPath },
  { method: 'POST', url: '/v3/refund/domestic/refunds', act: refund, about: namedInBody },
  { method: 'GET', url: '/v3/refund/domestic/refunds/:no', act: queryRefund, about: refundedTrade },
  { method: 'GET', url: '/v3/certificates', act: certificates, about: () => undefined },
  { method: 'GET', url: '/v3/bill/tradebill', act: (call) => bill(call, 'trade'), about: () => undefined },
  { method: 'GET', url: '/v3/bill/fundflowbill', act: (call) => bill(call, 'fundflow'), about: () => undefined },
]

export function wechatRoutes(sandbox: Sandbox) {
  return async (app: FastifyInstance): Promise<void> => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 1024 * 1024 }, (_request, body, done) =>
      done(null, body),
    )
    for (const route of ROUTES) {
      app.route({
        method: route.method,
        url: route.url,
        schema: { hide: true },
        handler: (request, reply) => answer(sandbox, route, request, reply),
      })
    }
    app.get('/v3/billdownload/file', { schema: { hide: true } }, (request, reply) => download(sandbox, request, reply))
  }
}

async function answer(
  sandbox: Sandbox,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const merchant = whoAsks(sandbox, request, body)
  if (isWechatError(merchant)) return send(sandbox, reply, undefined, merchant)
  const call = { sandbox, merchant, body, request, base: `http://${request.headers.host}` }
  const target = { appId: merchant.mchId, outTradeNo: route.about(call), method: `${route.method} ${route.url}` }
  const before: readonly FaultKind[] = ['timeout-before', 'http-500', 'unavailable', 'business-error']
  const instead = sandbox.faults.strike(before, target)
  if (instead?.kind === 'timeout-before') return keepSilent(reply, instead.options.seconds ?? SILENCE_S)
  if (instead?.kind === 'http-500')
    return reply.code(502).type('text/html').send('<html><body>502 Bad Gateway</body></html>')
  if (instead?.kind === 'unavailable') return send(sandbox, reply, merchant, wechatError('FREQUENCY_LIMITED'))
  if (instead) {
    const code = instead.options.subCode ?? 'SYSTEM_ERROR'
    const message = instead.options.subMsg ?? '沙箱按要求返回的错误'
    return send(sandbox, reply, merchant, { ...wechatError('SYSTEM_ERROR', message), code })
  }
  const outcome = route.act(call)
  const after = sandbox.faults.strike(['timeout-after', 'system-error'], target)
  if (after?.kind === 'timeout-after') return keepSilent(reply, after.options.seconds ?? SILENCE_S)
  return send(sandbox, reply, merchant, after ? wechatError('SYSTEM_ERROR') : outcome)
}

/** The order of checks is WeChat's: form, time, who, signature (WeChat Pay, "Errors: authentication failures"). */
function whoAsks(sandbox: Sandbox, request: FastifyRequest, body: Buffer): WechatMerchant | WechatError {
  if (!request.headers['user-agent'] || !request.headers.accept) {
    return { ...wechatError('INVALID_REQUEST', 'Http头缺少Accept或User-Agent'), signed: false }
  }
  const authorization = readAuthorization(request.headers.authorization)
  if (!authorization) return unauthorized('Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》')
  // Freshness is of the wire: it goes by the real clock, however far the sandbox's has been moved.
  const off = Math.abs(Date.now() / 1000 - Number(authorization.timestamp))
  if (!(off <= WINDOW_S)) return unauthorized('Http头Authorization中的timestamp与发起请求的时间不得超过5分钟')
  const merchant = sandbox.wechat.merchants.find(authorization.mchId)
  if (!merchant || merchant.serialNo.toUpperCase() !== authorization.serialNo.toUpperCase()) {
    return unauthorized('商户证书序列号有误。请使用签名私钥匹配的证书序列号')
  }
  const signed = { method: request.method, url: request.raw.url ?? '', body }
  return isSignedBy(merchant.merchantKey, authorization, signed) ? merchant : unauthorized('签名错误，请检查后再试')
}

async function send(
  sandbox: Sandbox,
  reply: FastifyReply,
  merchant: WechatMerchant | undefined,
  outcome: Outcome,
): Promise<FastifyReply> {
  const error = outcome && isWechatError(outcome) ? outcome : undefined
  const said = error ? { code: error.code, message: error.message } : outcome
  const body = Buffer.from(said === undefined ? '' : sortedJson(said))
  reply.code(error?.status ?? (said === undefined ? 204 : 200)).header('cache-control', 'no-cache, must-revalidate')
  if (merchant && (error?.signed ?? true)) {
    const { mchId } = merchant
    const { key, serial } = sandbox.wechat.certificates.signer(merchant)
    const headers = await signedHeaders(key, serial, Date.now(), body)
    const probe = !error && sandbox.faults.strike(['sign-test', 'corrupt-sign'], { appId: mchId })
    reply.headers(probe ? { ...headers, 'Wechatpay-Signature': probeSignature() } : headers)
  }
  if (said === undefined) return reply.send()
  return reply.type('application/json; charset=utf-8').send(body)
}

/** Says nothing, and hangs up in the end. */
function keepSilent(reply: FastifyReply, seconds: number): FastifyReply {
  reply.hijack()
  const { raw } = reply
  const end = setTimeout(() => raw.destroy(), seconds * 1000)
  raw.once('close', () => clearTimeout(end))
  return reply
}

function order({ sandbox, merchant, body, base }: Call, tradeType: TradeType): Outcome {
  const shape = tradeType === 'NATIVE' ? NativeOrder : tradeType === 'MWEB' ? H5Order : JsapiOrder
  const asked = readBody(shape, body)
  if (isWechatError(asked)) return asked
  if (asked.mchid !== merchant.mchId) return wechatError('PARAM_ERROR', '商户号与Authorization中的不一致')
  if (asked.appid !== merchant.appId) return wechatError('APPID_MCHID_NOT_MATCH')
  const now = sandbox.clock.now()
  const expires = asked.time_expire === undefined ? now + LONGEST : Date.parse(asked.time_expire)
  if (Number.isNaN(expires)) return wechatError('PARAM_ERROR', '输入源“/body/time_expire”不是RFC 3339时间')
  if (expires > now + LONGEST) return wechatError('PARAM_ERROR', '交易结束时间不能超过7天')
  const wanted = {
    mchId: merchant.mchId,
    appId: asked.appid,
    outTradeNo: asked.out_trade_no,
    tradeType,
    total: toFen(asked.amount.total),
    description: asked.description,
    attach: asked.attach,
    notifyUrl: asked.notify_url,
    timeExpire: asked.time_expire,
    openid: openidIn(asked),
  }
  // "Less than a minute ahead is moved to a minute from now."
  const made = sandbox.wechat.payments.order(wanted, Math.max(expires, now + MINUTE))
  if (isWechatError(made)) return made
  if (tradeType === 'NATIVE') return { code_url: made.code }
  if (tradeType === 'JSAPI') return { prepay_id: made.prepayId }
  return { h5_url: `${base}/wechat/h5?prepay_id=${made.prepayId}&package=${made.id}` }
}

function certificates({ sandbox, merchant }: Call): Outcome {
  if (merchant.keyMode !== 'certificate')
    return wechatError('RESOURCE_NOT_EXISTS', '无可用的平台证书，请在商户平台使用微信支付公钥')
  return certificatesJson(merchant, sandbox.wechat.certificates.list(merchant.mchId))
}

function bill({ sandbox, merchant, request, base }: Call, kind: 'trade' | 'fundflow'): Outcome {
  const asked = request.query as { bill_date?: string; bill_type?: string; account_type?: string; tar_type?: string }
  const type = kind === 'trade' ? asked.bill_type : asked.account_type
  return billAddress(sandbox, merchant, {
    kind,
    day: asked.bill_date ?? '',
    type,
    gzip: asked.tar_type === 'GZIP',
    base,
  })
}

/** Asked for with a signature; what comes is not signed, and has its hash to be known by. */
async function download(sandbox: Sandbox, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const merchant = whoAsks(sandbox, request, Buffer.alloc(0))
  if (isWechatError(merchant)) return send(sandbox, reply, undefined, merchant)
  const { token } = request.query as { token?: string }
  const file = sandbox.wechat.bills.find(token ?? '', merchant.mchId, sandbox.clock.now())
  if (!file)
    return send(sandbox, reply, undefined, { ...wechatError('INVALID_REQUEST', '账单下载地址已失效'), signed: false })
  return reply.type(file.gzip ? 'application/x-gzip' : 'text/plain; charset=utf-8').send(packed(file))
}

function queryByNumber(call: Call): Outcome {
  const { sandbox, merchant } = call
  return told(call, sandbox.wechat.trades.findByNumber(merchant.mchId, namedInPath(call) ?? ''))
}

function queryById(call: Call): Outcome {
  const { id = '' } = call.request.params as { id?: string }
  return told(call, call.sandbox.wechat.trades.findByTransaction(id))
}

function told({ merchant, request }: Call, trade: WechatTrade | undefined): Outcome {
  const { mchid } = request.query as { mchid?: string }
  if (mchid !== merchant.mchId) return wechatError('PARAM_ERROR', '商户号与Authorization中的不一致')
  return trade?.mchId === merchant.mchId ? tradeJson(trade) : wechatError('ORDER_NOT_EXIST')
}

function close(call: Call): Outcome {
  const { sandbox, merchant, body } = call
  const asked = readBody(CloseOrder, body)
  if (isWechatError(asked)) return asked
  if (asked.mchid !== merchant.mchId) return wechatError('PARAM_ERROR', '商户号与Authorization中的不一致')
  return sandbox.wechat.payments.close(merchant.mchId, merchant.appId, namedInPath(call) ?? '')
}

function refund({ sandbox, merchant, body }: Call): Outcome {
  const asked = readBody(RefundOrder, body)
  if (isWechatError(asked)) return asked
  const { trades, payments } = sandbox.wechat
  const trade =
    asked.transaction_id === undefined
      ? trades.findByNumber(merchant.mchId, asked.out_trade_no ?? '')
      : trades.findByTransaction(asked.transaction_id)
  if (trade?.mchId !== merchant.mchId) return wechatError('RESOURCE_NOT_EXISTS', '订单不存在')
  const made = payments.refund(trade, {
    outRefundNo: asked.out_refund_no,
    amount: toFen(asked.amount.refund),
    total: toFen(asked.amount.total),
    reason: asked.reason ?? '',
    notifyUrl: asked.notify_url,
  })
  return isWechatError(made) ? made : refundJson(made, trade)
}

function queryRefund(call: Call): Outcome {
  const { sandbox, merchant } = call
  const found = sandbox.wechat.trades.findRefundByNumber(merchant.mchId, namedInPath(call) ?? '')
  const trade = found && sandbox.wechat.trades.find(found.tradeId)
  return found && trade ? refundJson(found, trade) : wechatError('RESOURCE_NOT_EXISTS', '退款单不存在')
}

function refundedTrade(call: Call): string | undefined {
  const { trades } = call.sandbox.wechat
  const found = trades.findRefundByNumber(call.merchant.mchId, namedInPath(call) ?? '')
  return found && trades.find(found.tradeId)?.outTradeNo
}

/** Only a JSAPI order names its payer. */
const openidIn = (asked: object): string | undefined =>
  'payer' in asked && typeof asked.payer === 'object' && asked.payer !== null && 'openid' in asked.payer
    ? String(asked.payer.openid)
    : undefined
