/** The cashier over HTTP: the page behind a payment link, the login, the payment, and the return. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { enter, enterAndPay, type Refusal, refusalOf } from '../alipay/trades/pay.ts'
import type { Trade } from '../alipay/trades/trade.ts'
import type { Buyer } from '../core/buyers.ts'
import { parseForm } from '../core/charset.ts'
import { clockNotice } from '../core/pages/clock-notice.ts'
import { refuseForeignForms } from '../core/pages/forms.ts'
import type { Sandbox } from '../sandbox.ts'
import { COOKIE, LANGUAGE, POLICY, SESSION } from './browser.ts'
import type { Checkout } from './checkouts.ts'
import { isInMessenger, sendBlocked } from './messenger.ts'
import { loginPage, payPage, refusedPage, successPage, unknownPage, type View, waitingPage } from './pages.ts'
import { returnAddress } from './return-address.ts'
import { type Session, sameToken } from './sessions.ts'
import { type Language, languageOf, refusalText, TEXTS } from './texts.ts'

/** Refusals that another try may fix: shown next to the form, not in place of it. */
const RETRYABLE: readonly Refusal[] = ['PAYMENT_PASSWORD_ERROR', 'BUYER_BALANCE_NOT_ENOUGH']

type Params = { Params: { id: string } }

export function cashierRoutes(sandbox: Sandbox) {
  return async (app: FastifyInstance): Promise<void> => {
    refuseForeignForms(app)
    app.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, hide: true }
    })
    app.addHook('onSend', async (_request, reply) => {
      reply.headers({
        'cache-control': 'no-store',
        'content-security-policy': POLICY,
        'referrer-policy': 'same-origin',
      })
    })
    app.addHook('onRequest', async (request, reply) => {
      if (isInMessenger(request)) return sendBlocked(request, reply, 'alipay')
    })
    app.get<Params>('/cashier/:id', (request, reply) => show(sandbox, request, reply))
    app.get<Params>('/cashier/:id/state', async (request) => ({
      paid: sandbox.checkouts.find(request.params.id)?.paid ?? false,
    }))
    app.get<Params>('/cashier/:id/success', (request, reply) => success(sandbox, request, reply))
    app.post<Params>('/cashier/:id/login', (request, reply) => login(sandbox, request, reply))
    app.post<Params>('/cashier/:id/logout', (request, reply) => logout(sandbox, request, reply))
    app.post<Params>('/cashier/:id/pay', (request, reply) => pay(sandbox, request, reply))
  }
}

interface Visit {
  /** The address at which this browser reached the sandbox. */
  readonly base: string
  readonly language: Language
  readonly checkout: Checkout | undefined
  readonly session: Session | undefined
  readonly buyer: Buyer | undefined
}

function visit(sandbox: Sandbox, request: FastifyRequest<Params>): Visit {
  const { lang } = request.query as { lang?: string }
  const session = sandbox.sessions.find(request.cookies[SESSION])
  return {
    base: `http://${request.headers.host}`,
    language: languageOf(lang ?? request.cookies[LANGUAGE], request.headers['accept-language']),
    checkout: sandbox.checkouts.find(request.params.id),
    session,
    buyer: session && sandbox.buyers.find(session.buyerId),
  }
}

function viewOf(sandbox: Sandbox, visited: Visit, checkout: Checkout, trade?: Trade): View {
  const { request } = checkout
  return {
    language: visited.language,
    address: `${visited.base}/cashier/${checkout.id}`,
    checkoutId: checkout.id,
    merchantName: sandbox.merchants.find(request.appId)?.name ?? request.appId,
    request,
    expiresAt: trade?.status === 'WAIT_BUYER_PAY' ? trade.expiresAt : undefined,
    clockNotice: clockNotice(sandbox.clock),
  }
}

function send(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').send(page)
}

async function show(sandbox: Sandbox, request: FastifyRequest<Params>, reply: FastifyReply): Promise<FastifyReply> {
  const visited = visit(sandbox, request)
  const { language, checkout, session, buyer } = visited
  const { lang } = request.query as { lang?: string }
  if (lang !== undefined)
    return reply.setCookie(LANGUAGE, language, COOKIE).redirect(`/cashier/${request.params.id}`, 303)
  if (!checkout) return send(reply, 404, unknownPage(language))
  const refusal = refusalOf(sandbox, checkout.request, checkout.firstAt)
  if (refusal) return send(reply, 200, refusedPage(viewOf(sandbox, visited, checkout), refusal))
  if (!session || !buyer) return send(reply, 200, loginPage(viewOf(sandbox, visited, checkout)))
  const trade = enter(sandbox, checkout.request, buyer, checkout.firstAt)
  if (typeof trade === 'string') {
    return send(reply, 200, refusedPage(viewOf(sandbox, visited, checkout), trade, session.formToken))
  }
  if (trade?.paysAt !== undefined) return reply.redirect(`/cashier/${checkout.id}/success`, 303)
  return send(reply, 200, payPage(viewOf(sandbox, visited, checkout, trade), buyer, session.formToken))
}

async function login(sandbox: Sandbox, request: FastifyRequest<Params>, reply: FastifyReply): Promise<FastifyReply> {
  const visited = visit(sandbox, request)
  const { language, checkout } = visited
  if (!checkout) return send(reply, 404, unknownPage(language))
  const form = formOf(request)
  const name = form.get('login') ?? ''
  const buyer = sandbox.buyers.findByLogin(name)
  if (!buyer || buyer.loginPassword !== form.get('password')) {
    return send(reply, 422, loginPage(viewOf(sandbox, visited, checkout), TEXTS[language].loginWrong, name))
  }
  reply.setCookie(SESSION, sandbox.sessions.create(buyer.id).token, COOKIE)
  enter(sandbox, checkout.request, buyer, checkout.firstAt)
  return reply.redirect(`/cashier/${checkout.id}`, 303)
}

async function logout(sandbox: Sandbox, request: FastifyRequest<Params>, reply: FastifyReply): Promise<FastifyReply> {
  const visited = visit(sandbox, request)
  const { session } = visited
  if (session && sameToken(session.formToken, formOf(request).get('formToken') ?? '')) {
    sandbox.sessions.remove(session.token)
    reply.clearCookie(SESSION, COOKIE)
  }
  return reply.redirect(`/cashier/${request.params.id}`, 303)
}

async function pay(sandbox: Sandbox, request: FastifyRequest<Params>, reply: FastifyReply): Promise<FastifyReply> {
  const visited = visit(sandbox, request)
  const { language, checkout, session, buyer } = visited
  if (!checkout) return send(reply, 404, unknownPage(language))
  if (!session || !buyer) return reply.redirect(`/cashier/${checkout.id}`, 303)
  const { request: payment, firstAt } = checkout
  const entered = enter(sandbox, payment, buyer, firstAt)
  if (entered === 'TRADE_HAS_SUCCESS' && paidBy(sandbox, checkout, buyer)) {
    return reply.redirect(`/cashier/${checkout.id}/success`, 303)
  }
  if (typeof entered === 'string') {
    return send(reply, 422, refusedPage(viewOf(sandbox, visited, checkout), entered, session.formToken))
  }
  const form = formOf(request)
  const view = viewOf(sandbox, visited, checkout, entered)
  if (!sameToken(session.formToken, form.get('formToken') ?? '')) {
    return send(reply, 422, payPage(view, buyer, session.formToken, TEXTS[language].formExpired))
  }
  const paid = enterAndPay(sandbox, payment, buyer, firstAt, form.get('paymentPassword') ?? '')
  if (typeof paid !== 'string') {
    sandbox.checkouts.markPaid(checkout.id)
    return reply.redirect(`/cashier/${checkout.id}/success`, 303)
  }
  if (!RETRYABLE.includes(paid)) return send(reply, 422, refusedPage(view, paid))
  return send(reply, 422, payPage(view, buyer, session.formToken, refusalText(paid, language)))
}

async function success(sandbox: Sandbox, request: FastifyRequest<Params>, reply: FastifyReply): Promise<FastifyReply> {
  const visited = visit(sandbox, request)
  const { language, checkout, buyer } = visited
  if (!checkout) return send(reply, 404, unknownPage(language))
  const trade = sandbox.trades.findByNumber(checkout.request.sellerId, checkout.request.order.outTradeNo)
  const merchant = sandbox.merchants.find(checkout.request.appId)
  const here = checkout.paid || trade?.buyerId === buyer?.id
  if (!trade || !merchant || !here) return reply.redirect(`/cashier/${checkout.id}`, 303)
  const view = viewOf(sandbox, visited, checkout, trade)
  if (trade.status === 'WAIT_BUYER_PAY' && trade.paysAt !== undefined) return send(reply, 200, waitingPage(view))
  if (trade.paidAt === undefined) return reply.redirect(`/cashier/${checkout.id}`, 303)
  const back = await returnAddress(trade, checkout.request.returnUrl, merchant, sandbox.clock.now())
  return send(reply, 200, successPage(view, trade, back))
}

function paidBy(sandbox: Sandbox, checkout: Checkout, buyer: Buyer): Trade | undefined {
  const { sellerId, order } = checkout.request
  const trade = sandbox.trades.findByNumber(sellerId, order.outTradeNo)
  return trade?.paidAt !== undefined && trade.buyerId === buyer.id ? trade : undefined
}

function formOf(request: FastifyRequest): Map<string, string> {
  return new Map(Buffer.isBuffer(request.body) ? parseForm(request.body, 'utf-8') : [])
}
