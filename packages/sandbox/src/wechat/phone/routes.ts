/** The sandbox's phone over HTTP: it scans a code or opens an H5 address, logs a buyer in, and pays. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { COOKIE, LANGUAGE, POLICY, SESSION } from '../../cashier/browser.ts'
import { isInMessenger, sendBlocked } from '../../cashier/messenger.ts'
import { type Session, sameToken } from '../../cashier/sessions.ts'
import { type Language, languageOf, TEXTS } from '../../cashier/texts.ts'
import type { Buyer } from '../../core/buyers.ts'
import { parseForm } from '../../core/charset.ts'
import { clockNotice } from '../../core/pages/clock-notice.ts'
import { refuseForeignForms } from '../../core/pages/forms.ts'
import type { Sandbox } from '../../sandbox.ts'
import { payTrade, refusalOf, type WechatRefusal } from '../trades/pay.ts'
import {
  type PhoneView,
  pathOf,
  phoneDone,
  phoneElsewhere,
  phoneLogin,
  phonePay,
  phoneRefused,
  phoneUnknown,
  phoneUnregistered,
} from './pages.ts'
import { mayPayFrom } from './payer-address.ts'
import { phoneRefusal } from './texts.ts'

/** Refusals that another try may fix: shown next to the form, not in place of it. */
const RETRYABLE: readonly WechatRefusal[] = ['PAYMENT_PASSWORD_ERROR', 'BALANCE_NOT_ENOUGH']

type Paying = { Params: { prepayId: string }; Querystring: { back?: string; lang?: string } }

export function phoneRoutes(sandbox: Sandbox) {
  const { trades } = sandbox.wechat
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
    app.get<{ Querystring: { code?: string } }>('/wechat/scan', (request, reply) => {
      const trade = trades.findByLink(request.query.code ?? '')
      if (!trade) return send(reply, 404, phoneUnknown(languageFor(request)))
      return reply.redirect(pathOf({ trade, back: undefined }), 303)
    })
    app.get<{ Querystring: { prepay_id?: string; redirect_url?: string } }>('/wechat/h5', (request, reply) => {
      const trade = trades.findByLink(request.query.prepay_id ?? '')
      if (trade?.tradeType !== 'MWEB') return send(reply, 404, phoneUnknown(languageFor(request)))
      if (isInMessenger(request)) return sendBlocked(request, reply, 'h5')
      const { redirect_url: back } = request.query
      const domains = sandbox.wechat.merchants.find(trade.mchId)?.rules.h5Domains ?? []
      const from = domainOf(request.headers.referer)
      if (from === undefined || !domains.includes(from)) {
        return send(reply, 403, phoneUnregistered(languageFor(request), 'referer', from, domains))
      }
      const to = domainOf(back)
      if (back !== undefined && (to === undefined || !domains.includes(to))) {
        return send(reply, 403, phoneUnregistered(languageFor(request), 'redirect_url', to, domains))
      }
      const { payerClientIp: said } = trade
      if (said !== undefined && !mayPayFrom(said, request.ip)) {
        return send(reply, 403, phoneElsewhere(languageFor(request), said, request.ip))
      }
      return reply.redirect(pathOf({ trade, back }), 303)
    })
    app.get<Paying>('/wechat/pay/:prepayId', (request, reply) => show(sandbox, request, reply))
    app.post<Paying>('/wechat/pay/:prepayId/login', (request, reply) => login(sandbox, request, reply))
    app.post<Paying>('/wechat/pay/:prepayId/logout', (request, reply) => logout(sandbox, request, reply))
    app.post<Paying>('/wechat/pay/:prepayId/pay', (request, reply) => pay(sandbox, request, reply))
  }
}

/** The host name of an address, as merchants register it: without a port. */
const domainOf = (address: string | undefined): string | undefined =>
  address !== undefined && URL.canParse(address) ? new URL(address).hostname : undefined

const send = (reply: FastifyReply, status: number, page: string): FastifyReply =>
  reply.code(status).type('text/html; charset=utf-8').send(page)

const languageFor = (request: FastifyRequest, requested?: string): Language =>
  languageOf(requested ?? request.cookies[LANGUAGE], request.headers['accept-language'])

interface Visit {
  readonly view: PhoneView
  readonly session: Session | undefined
  readonly buyer: Buyer | undefined
}

function visit(sandbox: Sandbox, request: FastifyRequest<Paying>): Visit | undefined {
  const trade = sandbox.wechat.trades.findByLink(request.params.prepayId)
  if (!trade) return undefined
  const { back, lang } = request.query
  const session = sandbox.sessions.find(request.cookies[SESSION])
  const safe = back !== undefined && URL.canParse(back) && /^https?:$/.test(new URL(back).protocol)
  const merchantName = sandbox.wechat.merchants.find(trade.mchId)?.name ?? trade.mchId
  return {
    view: {
      language: languageFor(request, lang),
      trade,
      merchantName,
      back: safe ? back : undefined,
      clockNotice: clockNotice(sandbox.clock),
    },
    session,
    buyer: session && sandbox.buyers.find(session.buyerId),
  }
}

function show(sandbox: Sandbox, request: FastifyRequest<Paying>, reply: FastifyReply): FastifyReply {
  const visited = visit(sandbox, request)
  if (!visited) return send(reply, 404, phoneUnknown(languageFor(request)))
  const { view, session, buyer } = visited
  if (request.query.lang !== undefined) {
    return reply.setCookie(LANGUAGE, view.language, COOKIE).redirect(pathOf(view), 303)
  }
  const mine = buyer !== undefined && view.trade.buyerId === buyer.id
  if (mine && (view.trade.paidAt !== undefined || view.trade.paysAt !== undefined))
    return send(reply, 200, phoneDone(view))
  const refusal = refusalOf(sandbox.wechat, view.trade, buyer)
  if (refusal) return send(reply, 200, phoneRefused(view, refusal))
  if (!session || !buyer) return send(reply, 200, phoneLogin(view))
  return send(reply, 200, phonePay(view, buyer, session.formToken))
}

function login(sandbox: Sandbox, request: FastifyRequest<Paying>, reply: FastifyReply): FastifyReply {
  const visited = visit(sandbox, request)
  if (!visited) return send(reply, 404, phoneUnknown(languageFor(request)))
  const form = formOf(request)
  const name = form.get('login') ?? ''
  const buyer = sandbox.buyers.findByLogin(name)
  const { view } = visited
  if (!buyer || buyer.loginPassword !== form.get('password')) {
    return send(reply, 422, phoneLogin(view, TEXTS[view.language].loginWrong, name))
  }
  reply.setCookie(SESSION, sandbox.sessions.create(buyer.id).token, COOKIE)
  return reply.redirect(pathOf(view), 303)
}

function logout(sandbox: Sandbox, request: FastifyRequest<Paying>, reply: FastifyReply): FastifyReply {
  const visited = visit(sandbox, request)
  if (!visited) return send(reply, 404, phoneUnknown(languageFor(request)))
  const { session, view } = visited
  if (session && sameToken(session.formToken, formOf(request).get('formToken') ?? '')) {
    sandbox.sessions.remove(session.token)
    reply.clearCookie(SESSION, COOKIE)
  }
  return reply.redirect(pathOf(view), 303)
}

function pay(sandbox: Sandbox, request: FastifyRequest<Paying>, reply: FastifyReply): FastifyReply {
  const visited = visit(sandbox, request)
  if (!visited) return send(reply, 404, phoneUnknown(languageFor(request)))
  const { view, session, buyer } = visited
  if (!session || !buyer) return reply.redirect(pathOf(view), 303)
  const form = formOf(request)
  if (!sameToken(session.formToken, form.get('formToken') ?? '')) {
    return send(reply, 422, phonePay(view, buyer, session.formToken, TEXTS[view.language].formExpired))
  }
  const paid = payTrade(sandbox.wechat, view.trade, buyer, form.get('paymentPassword') ?? '')
  if (typeof paid !== 'string' || (paid === 'PAID' && view.trade.buyerId === buyer.id)) {
    return reply.redirect(pathOf(view), 303)
  }
  if (!RETRYABLE.includes(paid)) return send(reply, 422, phoneRefused(view, paid))
  return send(reply, 422, phonePay(view, buyer, session.formToken, phoneRefusal(paid, view.language)))
}

const formOf = (request: FastifyRequest): Map<string, string> =>
  new Map(Buffer.isBuffer(request.body) ? parseForm(request.body, 'utf-8') : [])
