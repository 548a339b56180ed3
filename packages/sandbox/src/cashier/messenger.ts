/** WeChat's in-app browser: it opens no Alipay page, and WeChat accepts H5 payments only in other browsers. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from '../core/pages/html.ts'
import { LANGUAGE } from './browser.ts'
import { frame } from './frame.ts'
import { languageOf, TEXTS } from './texts.ts'

export const isInMessenger = (request: FastifyRequest): boolean =>
  /MicroMessenger/i.test(request.headers['user-agent'] ?? '')

/** The page that WeChat shows instead of an Alipay page or an H5 payment. */
export function sendBlocked(request: FastifyRequest, reply: FastifyReply, of: 'alipay' | 'h5'): FastifyReply {
  const { lang } = request.query as { lang?: string }
  const language = languageOf(lang ?? request.cookies[LANGUAGE], request.headers['accept-language'])
  const { blockedTitle: title, blockedAlipay, blockedH5 } = TEXTS[language]
  const words = of === 'alipay' ? blockedAlipay : blockedH5
  const body = html`<section class="card"><h1>${title}</h1>
<p class="alarm" role="alert" data-testid="messenger-blocked">${words}</p></section>`
  const page = frame({ language, title, mark: '微', path: request.raw.url ?? '/', body, head: undefined })
  return reply.code(403).type('text/html; charset=utf-8').send(page)
}
