/** `/v3/…`: the caller is authenticated by signature first, and every answer with content is signed. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FaultKind } from '../../core/faults/fault.ts'
import { toFen } from '../../core/money.ts'
import { DAY, MINUTE } from '../../core/time.ts'
import type { Sandbox } from '../../sandbox.ts'
import { billAddress, packed } from '../bills/bills.ts'
import { certificatesJson } from '../certificates.ts'
import { fieldError, isWechatError, type WechatError, wechatError, wechatErrorNamed } from '../errors.ts'
import type { WechatMerchant } from '../merchants.ts'
import { refundJson, tradeJson } from '../notifications/messages.ts'
import { closeOrder } from '../trades/close.ts'
import { placeOrder } from '../trades/order.ts'
import { acceptRefund } from '../trades/refund.ts'
import type { TradeType, WechatTrade } from '../trades/trades.ts'
import { keepSilent, type Outcome, send } from './answer.ts'
import { whoAsks } from './identity.ts'
import { CloseOrder, H5Order, JsapiOrder, NativeOrder, RefundOrder, readBody } from './requests.ts'

const SILENCE_S = 30
const LONGEST = 7 * DAY
const MAX_DETAIL_BYTES = 6144
/** RFC 3339, stricter than `Date.parse`. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

interface Call {
  readonly sandbox: Sandbox
  readonly merchant: WechatMerchant
  readonly body: Buffer
  readonly request: FastifyRequest
  readonly base: string
}

interface Route {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly act: (call: Call) => Outcome
  /** The number of the trade it is about, for matching faults. */
  readonly about: (call: Call) => string | undefined
}

const namedInBody = ({ body }: Call): string | undefined =>
  /"out_trade_no"\s*:\s*"([^"]{1,64})"/.exec(body.toString('latin1'))?.[1]
/** Finds the merchant's number by the transaction's own number. */
const namedByTransaction = ({ sandbox }: Call, id: string | undefined): string | undefined =>
  id === undefined ? undefined : sandbox.wechat.trades.findByTransaction(id)?.outTradeNo
const transactionIn = ({ body }: Call): string | undefined =>
  /"transaction_id"\s*:\s*"([^"]{1,64})"/.exec(body.toString('latin1'))?.[1]
const idInPath = ({ request }: Call): string | undefined => (request.params as { id?: string }).id
const namedInPath = ({ request }: Call): string | undefined => (request.params as { no?: string }).no

const ROUTES: readonly Route[] = [
  { method: 'POST', url: '/v3/pay/transactions/native', act: (call) => order(call, 'NATIVE'), about: namedInBody },
  { method: 'POST', url: '/v3/pay/transactions/h5', act: (call) => order(call, 'MWEB'), about: namedInBody },
  { method: 'POST', url: '/v3/pay/transactions/jsapi', act: (call) => order(call, 'JSAPI'), about: namedInBody },
  { method: 'GET', url: '/v3/pay/transactions/out-trade-no/:no', act: queryByNumber, about: namedInPath },
  {
    method: 'GET',
    url: '/v3/pay/transactions/id/:id',
    act: queryById,
    about: (call) => namedByTransaction(call, idInPath(call)),
  },
  { method: 'POST', url: '/v3/pay/transactions/out-trade-no/:no/close', act: close, about: namedInPath },
  {
    method: 'POST',
    url: '/v3/refund/domestic/refunds',
    act: refund,
    about: (call) => namedInBody(call) ?? namedByTransaction(call, transactionIn(call)),
  },
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
    // Unknown addresses, and known ones with another method, get an empty, unsigned answer.
    app.all('/v3/*', { schema: { hide: true } }, (request, reply) =>
      reply.code(isElsewhere(request.raw.url ?? '') ? 405 : 404).send(),
    )
  }
}

/** Whether this address exists with another method. */
const isElsewhere = (address: string): boolean => {
  const [path = ''] = address.split('?')
  return [...ROUTES.map(({ url }) => url), '/v3/billdownload/file'].some((url) =>
    new RegExp(`^${url.replace(/:[a-z]+/g, '[^/]+')}$`).test(path),
  )
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
  const caller = { merchant, request, target }
  if (body.length > 0 && !request.headers['content-type']?.startsWith('application/json')) {
    return send(sandbox, reply, caller, wechatError('INVALID_REQUEST', 'Http头Content-Type应为application/json'))
  }
  const before: readonly FaultKind[] = ['timeout-before', 'http-500', 'unavailable', 'business-error']
  const instead = sandbox.faults.strike(before, target)
  if (instead?.kind === 'timeout-before') return keepSilent(reply, instead.options.seconds ?? SILENCE_S)
  if (instead?.kind === 'http-500')
    return reply.code(500).type('text/html').send('<html><body><h1>500 Internal Server Error</h1></body></html>')
  if (instead?.kind === 'unavailable') return send(sandbox, reply, caller, wechatError('FREQUENCY_LIMITED'))
  if (instead) {
    const { subCode = 'SYSTEM_ERROR', subMsg = '沙箱按要求返回的错误' } = instead.options
    return send(sandbox, reply, caller, wechatErrorNamed(subCode, subMsg))
  }
  const outcome = route.act(call)
  const after = sandbox.faults.strike(['timeout-after', 'system-error'], target)
  if (after?.kind === 'timeout-after') return keepSilent(reply, after.options.seconds ?? SILENCE_S)
  return send(sandbox, reply, caller, after ? wechatError('SYSTEM_ERROR') : outcome)
}

function order({ sandbox, merchant, body, base }: Call, tradeType: TradeType): Outcome {
  const shape = tradeType === 'NATIVE' ? NativeOrder : tradeType === 'MWEB' ? H5Order : JsapiOrder
  const input = readBody(shape, body)
  if (isWechatError(input)) return input
  if (input.mchid !== merchant.mchId) return anotherMerchant(input.mchid)
  if (input.appid !== merchant.appId) return wechatError('APPID_MCHID_NOT_MATCH')
  const now = sandbox.clock.now()
  const expires = input.time_expire === undefined ? now + LONGEST : readMoment(input.time_expire)
  const wrongTime = (issue: string, message: string) => fieldError('/time_expire', input.time_expire, issue, message)
  if (Number.isNaN(expires)) return wrongTime('not RFC 3339', '输入源“/body/time_expire”不是RFC 3339时间')
  if (expires > now + LONGEST) return wrongTime('more than seven days ahead', '交易结束时间不能超过7天')
  if (input.detail && Buffer.byteLength(JSON.stringify(input.detail)) > MAX_DETAIL_BYTES)
    return fieldError('/detail', undefined, 'more than 6144 bytes')
  const wanted = {
    mchId: merchant.mchId,
    appId: input.appid,
    outTradeNo: input.out_trade_no,
    tradeType,
    total: toFen(input.amount.total),
    description: input.description,
    attach: input.attach,
    notifyUrl: input.notify_url,
    timeExpire: input.time_expire,
    openid: openidIn(input),
    payerClientIp: tradeType === 'MWEB' ? input.scene_info?.payer_client_ip : undefined,
  }
  // "Less than a minute ahead is moved to a minute from now."
  const made = placeOrder(sandbox.wechat, wanted, Math.max(expires, now + MINUTE))
  if (isWechatError(made)) return made
  if (tradeType === 'NATIVE') return { code_url: made.code }
  if (tradeType === 'JSAPI') return { prepay_id: made.prepayId }
  return { h5_url: `${base}/wechat/h5?prepay_id=${made.prepayId}&package=${made.id}` }
}

/** A merchant in public-key mode has none. */
function certificates({ sandbox, merchant, request }: Call): Outcome {
  const { algorithm_type: algorithm = 'RSA' } = request.query as { algorithm_type?: string }
  if (!['RSA', 'SM2', 'ALL'].includes(algorithm)) return wechatError('PARAM_ERROR', '算法类型不正确')
  if (merchant.keyMode !== 'certificate' || algorithm === 'SM2')
    return wechatError('RESOURCE_NOT_EXISTS', '无可用的平台证书，请在商户平台使用微信支付公钥')
  return certificatesJson(merchant, sandbox.wechat.certificates.list(merchant.mchId))
}

function bill({ sandbox, merchant, request, base }: Call, kind: 'trade' | 'fundflow'): Outcome {
  const input = request.query as { bill_date?: string; bill_type?: string; account_type?: string; tar_type?: string }
  if (input.tar_type !== undefined && input.tar_type !== 'GZIP') return wechatError('PARAM_ERROR', '压缩类型不正确')
  const type = kind === 'trade' ? input.bill_type : input.account_type
  return billAddress(sandbox, merchant, {
    kind,
    day: input.bill_date ?? '',
    type,
    gzip: input.tar_type === 'GZIP',
    base,
  })
}

/** The request is signed; the file is not, but its hash was. */
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
  return tradeAnswer(call, sandbox.wechat.trades.findByNumber(merchant.mchId, namedInPath(call) ?? ''))
}

function queryById(call: Call): Outcome {
  return tradeAnswer(call, call.sandbox.wechat.trades.findByTransaction(idInPath(call) ?? ''))
}

function tradeAnswer({ merchant, request }: Call, trade: WechatTrade | undefined): Outcome {
  const { mchid } = request.query as { mchid?: string }
  if (mchid !== merchant.mchId) return wechatError('PARAM_ERROR', '商户号与Authorization中的不一致')
  return trade?.mchId === merchant.mchId ? tradeJson(trade) : wechatError('ORDER_NOT_EXIST')
}

function close(call: Call): Outcome {
  const { sandbox, merchant, body } = call
  const input = readBody(CloseOrder, body)
  if (isWechatError(input)) return input
  if (input.mchid !== merchant.mchId) return anotherMerchant(input.mchid)
  return closeOrder(sandbox.wechat, merchant.mchId, merchant.appId, namedInPath(call) ?? '')
}

function refund({ sandbox, merchant, body }: Call): Outcome {
  const input = readBody(RefundOrder, body)
  if (isWechatError(input)) return input
  const { trades } = sandbox.wechat
  const { transaction_id: transactionId, out_trade_no: outTradeNo } = input
  if (transactionId === undefined && outTradeNo === undefined)
    return fieldError('/out_trade_no', undefined, 'missing', 'transaction_id和out_trade_no必须二选一')
  const trade =
    transactionId === undefined
      ? trades.findByNumber(merchant.mchId, outTradeNo ?? '')
      : trades.findByTransaction(transactionId)
  if (trade?.mchId !== merchant.mchId) return wechatError('RESOURCE_NOT_EXISTS', '订单不存在')
  const { from } = input.amount
  if (from && from.reduce((sum, { amount }) => sum + amount, 0) !== input.amount.refund)
    return fieldError('/amount/from', undefined, 'the amounts do not add up to the refund')
  const made = acceptRefund(sandbox.wechat, trade, {
    outRefundNo: input.out_refund_no,
    amount: toFen(input.amount.refund),
    total: toFen(input.amount.total),
    reason: input.reason ?? '',
    notifyUrl: input.notify_url,
    gapSeconds: merchant.rules.refundGapSeconds,
  })
  return isWechatError(made) ? made : refundJson(made, trade)
}

function queryRefund(call: Call): Outcome {
  const { sandbox, merchant } = call
  const found = sandbox.wechat.refunds.findByNumber(merchant.mchId, namedInPath(call) ?? '')
  const trade = found && sandbox.wechat.trades.find(found.tradeId)
  return found && trade ? refundJson(found, trade) : wechatError('RESOURCE_NOT_EXISTS', '退款单不存在')
}

function refundedTrade(call: Call): string | undefined {
  const { trades, refunds } = call.sandbox.wechat
  const found = refunds.findByNumber(call.merchant.mchId, namedInPath(call) ?? '')
  return found && trades.find(found.tradeId)?.outTradeNo
}

const anotherMerchant = (mchId: string): WechatError =>
  fieldError('/mchid', mchId, 'not the mchid of Authorization', '商户号与Authorization中的不一致')

const readMoment = (text: string): number => (MOMENT.test(text) ? Date.parse(text) : Number.NaN)

/** Only a JSAPI order names its payer. */
const openidIn = (input: object): string | undefined =>
  'payer' in input && typeof input.payer === 'object' && input.payer !== null && 'openid' in input.payer
    ? String(input.payer.openid)
    : undefined
