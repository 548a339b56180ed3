/** The console over HTTP. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { refuseForeignForms } from '../core/forms.ts'
import { type Html, html } from '../core/html.ts'
import type { Sandbox } from '../sandbox.ts'
import { consoleActions } from './actions.ts'
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

    const page = (reply: FastifyReply, current: string, title: string, body: Html) =>
      reply.type('text/html; charset=utf-8').send(layout(current, title, sandbox.clock, body))
    const missing = (reply: FastifyReply, current: string) =>
      page(reply.code(404), current, '404', html`<h1>404</h1>${empty('没有这一条。', 'Not found.')}`)

    app.get('/console', (request, reply) => page(reply, '/console', '交易', tradesPage(sandbox, cursor(request))))
    app.get<{ Params: { tradeNo: string } }>('/console/trades/:tradeNo', (request, reply) => {
      const trade = sandbox.payments.current(sandbox.trades.find(request.params.tradeNo))
      return trade ? page(reply, '/console', trade.subject, tradePage(sandbox, trade)) : missing(reply, '/console')
    })
    app.get('/console/wechat', (request, reply) =>
      page(reply, '/console/wechat', '微信支付', wechatTradesPage(sandbox, cursor(request))),
    )
    app.get<{ Params: { id: string } }>('/console/wechat/:id', (request, reply) => {
      const trade = sandbox.wechat.trades.find(Number(request.params.id) || 0)
      return trade
        ? page(reply, '/console/wechat', trade.description, wechatTradePage(sandbox, trade))
        : missing(reply, '/console/wechat')
    })
    app.get<{ Params: { id: string } }>('/console/wechat/deliveries/:id', (request, reply) => {
      const delivery = sandbox.wechat.deliveries.find(Number(request.params.id) || 0)
      if (!delivery) return missing(reply, '/console/wechat')
      const attempts = sandbox.wechat.deliveries.attempts(delivery.id)
      return page(reply, '/console/wechat', delivery.notifyId, wechatDeliveryPage(delivery, attempts))
    })
    app.get('/console/deliveries', (request, reply) =>
      page(
        reply,
        '/console/deliveries',
        '通知',
        html`${deliveriesPage(sandbox, cursor(request))}${wechatDeliveries(sandbox)}`,
      ),
    )
    app.get<{ Params: { id: string } }>('/console/deliveries/:id', (request, reply) => {
      const delivery = sandbox.deliveries.find(Number(request.params.id))
      if (!delivery) return missing(reply, '/console/deliveries')
      return page(
        reply,
        '/console/deliveries',
        delivery.notifyId,
        deliveryPage(delivery, sandbox.deliveries.attempts(delivery.id)),
      )
    })
    app.get('/console/accounts', (_request, reply) =>
      page(reply, '/console/accounts', '账户', html`${accountsPage(sandbox)}${wechatMerchants(sandbox)}`),
    )
    app.get('/console/control', (_request, reply) =>
      page(reply, '/console/control', '时钟与故障', controlPage(sandbox)),
    )

    consoleActions(app, sandbox)
    wechatActions(app, sandbox)
    app.get('/console/events', (request, reply) => events(sandbox, request, reply))
    app.get('/assets/console.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(CONSOLE_STYLE))
    app.get('/assets/console.js', (_request, reply) =>
      reply.type('text/javascript; charset=utf-8').send(CONSOLE_SCRIPT),
    )
  }
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
