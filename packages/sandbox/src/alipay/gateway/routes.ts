/** `/gateway.do`, by GET and POST: one address for every method, like Alipay's. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isInMessenger, sendBlocked } from '../../cashier/messenger.ts'
import type { Sandbox } from '../../sandbox.ts'
import type { PaymentRequest } from '../trades/trade.ts'
import { isError } from './business.ts'
import { answerCall, readContent } from './call.ts'
import { checkCall } from './checks.ts'
import { errorPage } from './error-page.ts'
import { type GatewayError, gatewayError } from './errors.ts'
import { isPageMethod, readPaymentRequest } from './page-pay.ts'
import { type Parameters, readParameters } from './parameters.ts'

/** The server refuses larger bodies before the gateway sees them. */
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
    if (isInMessenger(request)) return sendBlocked(request, reply, 'alipay')
    const payment = openPaymentPage(sandbox, parameters)
    if (isError(payment)) return reply.type('text/html;charset=GBK').send(errorPage(payment))
    return reply.redirect(`/cashier/${sandbox.checkouts.create(payment)}`, 302)
  }
  const reaction = await answerCall(sandbox, parameters, `http://${request.headers.host}`)
  if (reaction.kind === 'silence') return keepSilent(reply, reaction.seconds)
  if (reaction.kind === 'http-500') {
    return reply.code(500).type('text/html').send('<html><body><h1>500 Internal Server Error</h1></body></html>')
  }
  reply.type(`text/html;charset=${parameters.charset === 'gbk' ? 'GBK' : 'utf-8'}`)
  return reply.send(reaction.body)
}

/** Sends nothing, and finally closes the connection. */
function keepSilent(reply: FastifyReply, seconds: number): FastifyReply {
  reply.hijack()
  const { raw } = reply
  const end = setTimeout(() => raw.destroy(), seconds * 1000)
  raw.once('close', () => clearTimeout(end))
  return reply
}

/** Checks a payment page's parameters like the gateway; returns the request, or the error for Alipay's page. */
export function openPaymentPage(sandbox: Sandbox, parameters: Parameters): PaymentRequest | GatewayError {
  const now = sandbox.clock.now()
  const checked = checkCall(parameters, sandbox.merchants, now)
  if (!checked.ok) return checked.error
  const method = parameters.get('method')
  if (!isPageMethod(method)) return gatewayError('isv.invalid-method')
  const content = readContent(parameters, checked.merchant)
  if (isError(content)) return content
  return readPaymentRequest(parameters, content.business, checked.merchant, checked.signType, method, now)
}
