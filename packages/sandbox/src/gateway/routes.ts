/** `/gateway.do`, by GET and POST: one door for every method, as Alipay has it. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Merchant } from '../merchants.ts'
import type { Sandbox } from '../sandbox.ts'
import type { PaymentRequest } from '../trades/trade.ts'
import { answerBody, errorText, nodeName, type Signer, successText } from './answer.ts'
import { type Business, isError, readBusiness } from './business.ts'
import { checkCall } from './checks.ts'
import { errorPage } from './error-page.ts'
import { type GatewayError, gatewayError } from './errors.ts'
import { isPageMethod, readPaymentRequest } from './page-pay.ts'
import { type Parameters, readParameters } from './parameters.ts'
import { closeTrade, type Outcome, queryTrade } from './trade-methods.ts'

type Method = (sandbox: Sandbox, merchant: Merchant, business: Business) => Outcome | Promise<Outcome>

const METHODS: Readonly<Record<string, Method>> = {
  'alipay.trade.query': queryTrade,
  'alipay.trade.close': closeTrade,
}

/** A body above this is cut off by the server before the gateway sees it. */
const BODY_LIMIT = 32 * 1024 * 1024

export function gatewayRoutes(sandbox: Sandbox) {
  return async (app: FastifyInstance): Promise<void> => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, done) =>
      done(null, body),
    )
    app.route({
      method: ['GET', 'POST'],
      url: '/gateway.do',
      schema: { hide: true },
      handler: (request, reply) => answer(sandbox, request, reply),
    })
  }
}

async function answer(sandbox: Sandbox, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const address = request.raw.url ?? ''
  const mark = address.indexOf('?')
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const parameters = readParameters(
    mark < 0 ? '' : address.slice(mark + 1),
    body,
    request.headers['content-type'] ?? '',
  )
  reply.header('trace_id', randomBytes(16).toString('hex'))
  if (isPageMethod(parameters.get('method'))) {
    const payment = openPaymentPage(sandbox, parameters)
    if (isError(payment)) return reply.type('text/html;charset=GBK').send(errorPage(payment))
    const id = sandbox.checkouts.create(payment)
    return reply.redirect(`/cashier/${id}`, 302)
  }
  const { charset } = parameters
  reply.type(`text/html;charset=${charset === 'gbk' ? 'GBK' : 'utf-8'}`)
  return reply.send(await serverAnswer(sandbox, parameters))
}

/** Checks a payment page's parameters as the gateway does; the request, or what Alipay's page would say. */
export function openPaymentPage(sandbox: Sandbox, parameters: Parameters): PaymentRequest | GatewayError {
  const checked = checkCall(parameters, sandbox.merchants)
  if (!checked.ok) return checked.error
  const method = parameters.get('method')
  if (!isPageMethod(method)) return gatewayError('isv.invalid-method')
  return readPaymentRequest(parameters, checked.merchant, checked.signType, method, sandbox.clock.now())
}

async function serverAnswer(sandbox: Sandbox, parameters: Parameters): Promise<Buffer> {
  const name = nodeName(parameters.get('method'))
  const checked = checkCall(parameters, sandbox.merchants)
  const signer: Signer | undefined = checked.merchant && { merchant: checked.merchant, type: checked.signType }
  if (!checked.ok) return answerBody(name, errorText(checked.error), parameters.charset, signer)
  const method = METHODS[parameters.get('method')]
  if (!method)
    return answerBody('error_response', errorText(gatewayError('isv.invalid-method')), parameters.charset, signer)
  const business = readBusiness(parameters.get('biz_content'))
  const outcome = isError(business) ? business : await method(sandbox, checked.merchant, business)
  const node =
    'fields' in outcome && !isError(outcome) ? successText(outcome.fields) : errorText(outcome as GatewayError)
  return answerBody(name, node, parameters.charset, signer)
}
