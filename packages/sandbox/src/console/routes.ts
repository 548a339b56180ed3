/** The console over HTTP. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { current } from '../alipay/trades/close.ts'
import { refuseForeignForms } from '../core/pages/forms.ts'
import { type Html, html } from '../core/pages/html.ts'
import type { Sandbox } from '../sandbox.ts'
import { accountActions, controlActions, deliveryActions } from './actions.ts'
import { controlPage } from './control-page.ts'
import { empty, layout } from './layout.ts'
import { accountsPage, deliveriesPage, deliveryPage, tradePage, tradesPage } from './pages.ts'
import { CONSOLE_SCRIPT } from './script.ts'
import { CONSOLE_STYLE } from './style.ts'
import { wechatActions } from './wechat-actions.ts'
import {
  wechatDeliveries,
  wechatDeliveryPage,
  wechatMerchants,
  wechatTradePage,
  wechatTradesPage,
} from './wechat-pages.ts'

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

export function consoleRoutes(sandbox: Sandbox) {
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

    tradePages(app, sandbox)
    wechatPages(app, sandbox)
    deliveryPages(app, sandbox)
    app.get('/console/accounts', (_request, reply) =>
      page(sandbox, reply, '/console/accounts', '账户', html`${accountsPage(sandbox)}${wechatMerchants(sandbox)}`),
    )
    app.get('/console/control', (_request, reply) =>
      page(sandbox, reply, '/console/control', '时钟与故障', controlPage(sandbox)),
    )
    deliveryActions(app, sandbox)
    controlActions(app, sandbox)
    accountActions(app, sandbox)
    wechatActions(app, sandbox)
    app.get('/console/events', (request, reply) => events(sandbox, request, reply))
    app.get('/assets/console.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(CONSOLE_STYLE))
    app.get('/assets/console.js', (_request, reply) =>
      reply.type('text/javascript; charset=utf-8').send(CONSOLE_SCRIPT),
    )
  }
}

function page({ clock }: Sandbox, reply: FastifyReply, current: string, title: string, body: Html): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(layout(current, title, clock, body))
}

function missing(sandbox: Sandbox, reply: FastifyReply, current: string): FastifyReply {
  return page(sandbox, reply.code(404), current, '404', html`<h1>404</h1>${empty('没有这一条。', 'Not found.')}`)
}

function tradePages(app: FastifyInstance, sandbox: Sandbox): void {
  const here = '/console'
  app.get('/console', (request, reply) => page(sandbox, reply, here, '交易', tradesPage(sandbox, cursor(request))))
  app.get<{ Params: { tradeNo: string } }>('/console/trades/:tradeNo', (request, reply) => {
    const trade = current(sandbox, sandbox.trades.find(request.params.tradeNo))
    return trade ? page(sandbox, reply, here, trade.subject, tradePage(sandbox, trade)) : missing(sandbox, reply, here)
  })
}

function wechatPages(app: FastifyInstance, sandbox: Sandbox): void {
  const { trades, deliveries } = sandbox.wechat
  const here = '/console/wechat'
  app.get('/console/wechat', (request, reply) =>
    page(sandbox, reply, here, '微信支付', wechatTradesPage(sandbox, cursor(request))),
  )
  app.get<{ Params: { id: string } }>('/console/wechat/:id', (request, reply) => {
    const trade = trades.find(Number(request.params.id) || 0)
    return trade
      ? page(sandbox, reply, here, trade.description, wechatTradePage(sandbox, trade))
      : missing(sandbox, reply, here)
  })
  app.get<{ Params: { id: string } }>('/console/wechat/deliveries/:id', (request, reply) => {
    const delivery = deliveries.find(Number(request.params.id) || 0)
    return delivery
      ? page(sandbox, reply, here, delivery.notifyId, wechatDeliveryPage(delivery, deliveries.attempts(delivery.id)))
      : missing(sandbox, reply, here)
  })
}

function deliveryPages(app: FastifyInstance, sandbox: Sandbox): void {
  const { deliveries } = sandbox
  const here = '/console/deliveries'
  app.get('/console/deliveries', (request, reply) => {
    const both = html`${deliveriesPage(sandbox, cursor(request))}${wechatDeliveries(sandbox)}`
    return page(sandbox, reply, here, '通知', both)
  })
  app.get<{ Params: { id: string } }>('/console/deliveries/:id', (request, reply) => {
    const delivery = deliveries.find(Number(request.params.id))
    return delivery
      ? page(sandbox, reply, here, delivery.notifyId, deliveryPage(delivery, deliveries.attempts(delivery.id)))
      : missing(sandbox, reply, here)
  })
}

function cursor(request: FastifyRequest): number | undefined {
  const { cursor: text } = request.query as { cursor?: string }
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** Server-sent events: `changed` after changes, at most four a second. */
function events(sandbox: Sandbox, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  raw.write(': open\n\n')
  let waiting: NodeJS.Timeout | undefined
  const stop = sandbox.watch(() => {
    waiting ??= setTimeout(() => {
      waiting = undefined
      raw.write('event: changed\ndata: \n\n')
    }, 250)
  })
  const beat = setInterval(() => raw.write(': beat\n\n'), 25_000)
  request.raw.on('close', () => {
    stop()
    clearTimeout(waiting)
    clearInterval(beat)
  })
  return reply
}
