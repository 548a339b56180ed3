/** The phone's pages: the scanned order, log in, pay, done, refused. Plain forms that need no script. */

import { clockHint, frame } from '../../cashier/frame.ts'
import { type Language, TEXTS } from '../../cashier/texts.ts'
import type { Buyer } from '../../core/buyers.ts'
import { yuan } from '../../core/money.ts'
import type { ClockNotice } from '../../core/pages/clock-notice.ts'
import { type Html, html } from '../../core/pages/html.ts'
import { beijing } from '../../core/time.ts'
import type { WechatRefusal } from '../trades/pay.ts'
import type { WechatTrade } from '../trades/trades.ts'
import { PHONE_TEXTS, phoneRefusal } from './texts.ts'

export interface PhoneView {
  readonly language: Language
  readonly trade: WechatTrade
  readonly merchantName: string
  /** Where the phone's browser returns to; only an H5 payment has one. */
  readonly back: string | undefined
  readonly clockNotice: ClockNotice | undefined
}

/** The path on which a trade is paid, with its return address. */
export const pathOf = ({ trade, back }: Pick<PhoneView, 'trade' | 'back'>, step = ''): string =>
  `/wechat/pay/${trade.prepayId}${step}${back === undefined ? '' : `?back=${encodeURIComponent(back)}`}`

function page(view: PhoneView, body: Html, head?: Html): string {
  const t = PHONE_TEXTS[view.language]
  return frame({ language: view.language, title: t.title, mark: '微', path: pathOf(view), body, head })
}

function summary({ language, trade, merchantName }: PhoneView): Html {
  const t = TEXTS[language]
  const p = PHONE_TEXTS[language]
  return html`<section class="summary" aria-labelledby="subject">
${trade.tradeType === 'NATIVE' && html`<p class="label">${p.scanned}</p>`}
<h1 id="subject">${trade.description}</h1>
<p class="amount"><span class="label">${t.amount}</span>
<span class="money" data-testid="phone-amount"><small>¥</small>${yuan(trade.total)}</span></p>
<dl><dt>${t.payTo}</dt><dd>${merchantName}</dd><dt>${t.order}</dt><dd class="number">${trade.outTradeNo}</dd>
<dt>${t.due}</dt><dd class="number">${beijing(trade.expiresAt)}</dd></dl></section>`
}

const alarm = (message: string | undefined): Html | undefined =>
  message === undefined
    ? undefined
    : html`<p class="alarm" id="error" role="alert" data-testid="phone-error">${message}</p>`

const leave = ({ language, back }: PhoneView): Html | undefined =>
  back === undefined ? undefined : html`<p><a class="quiet" href="${back}">${PHONE_TEXTS[language].leave}</a></p>`

export function phoneLogin(view: PhoneView, error?: string, login = ''): string {
  const t = TEXTS[view.language]
  const described = error === undefined ? undefined : html`aria-describedby="error" aria-invalid="true"`
  const body = html`${summary(view)}
<section class="card" aria-labelledby="title"><h2 id="title">${t.loginTitle}</h2>
${alarm(error)}
<form method="post" action="${pathOf(view, '/login')}">
<label for="login">${t.login}</label>
<input id="login" name="login" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" required value="${login}" ${described}>
<label for="password">${t.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required ${described}>
<button type="submit" class="primary" data-testid="phone-login">${t.loginButton}</button>
</form>
<p class="hint">${t.loginHint}</p>${leave(view)}
</section>`
  return page(view, body)
}

export function phonePay(view: PhoneView, buyer: Buyer, formToken: string, error?: string): string {
  const t = TEXTS[view.language]
  const described = error === undefined ? undefined : html`aria-describedby="error" aria-invalid="true"`
  const token = html`<input type="hidden" name="formToken" value="${formToken}">`
  const body = html`${summary(view)}
<section class="card" aria-labelledby="title"><h2 id="title">${t.payButton}</h2>
<div class="account"><div><span class="label">${t.account}</span><strong>${buyer.login}</strong>
<span class="label">${t.balance} <span class="number">¥${yuan(buyer.balance)}</span></span></div>
<form method="post" action="${pathOf(view, '/logout')}">${token}<button class="quiet" type="submit">${t.switchAccount}</button></form></div>
${alarm(error)}
<form method="post" action="${pathOf(view, '/pay')}">${token}
<input type="text" name="username" value="${buyer.login}" autocomplete="username" hidden>
<label for="paymentPassword">${t.paymentPassword}</label>
<input id="paymentPassword" name="paymentPassword" type="password" autocomplete="off" required autofocus ${described}>
<button type="submit" class="primary" data-testid="phone-pay">${t.payButton} <span class="number">¥${yuan(view.trade.total)}</span></button>
</form>${leave(view)}
</section>`
  return page(view, body)
}

/** Paid, or about to be; if there is a return address, the page redirects there after a moment. */
export function phoneDone(view: PhoneView): string {
  const t = TEXTS[view.language]
  const { trade, back } = view
  if (trade.paidAt === undefined) {
    const waiting = html`${summary(view)}<section class="card" role="status" data-testid="phone-waiting"><h2>${t.waitingTitle}</h2><p class="hint">${t.waitingWords}</p></section>`
    return page(view, waiting, html`<meta http-equiv="refresh" content="2">`)
  }
  const refresh = back === undefined ? undefined : html`<meta http-equiv="refresh" content="2;url=${back}">`
  const body = html`<section class="card done" data-testid="phone-success" role="status">
<svg class="tick" viewBox="0 0 48 48" width="56" height="56" aria-hidden="true"><circle cx="24" cy="24" r="22"/><path d="M15 24.5l6.5 6.5L34 18"/></svg>
<h1>${t.successTitle}</h1>
<p class="money"><small>¥</small>${yuan(trade.total)}</p>
<p class="hint">${t.successWords}</p>
<dl><dt>${t.payTo}</dt><dd>${view.merchantName}</dd><dt>${t.tradeNo}</dt><dd class="number">${trade.transactionId}</dd>
<dt>${t.paidAt}</dt><dd class="number">${beijing(trade.paidAt)}</dd></dl>
${back === undefined ? html`<p class="hint">${PHONE_TEXTS[view.language].successStay}</p>` : html`<a class="primary" href="${back}" data-testid="phone-return">${t.returnButton}</a><p class="hint">${t.successReturn}</p>`}
</section>`
  return page(view, body, refresh)
}

const ENDED: readonly WechatRefusal[] = ['EXPIRED', 'CLOSED', 'LINK_ENDED']

export function phoneRefused(view: PhoneView, refusal: WechatRefusal): string {
  const t = TEXTS[view.language]
  const body = html`${summary(view)}
<section class="card" aria-labelledby="title"><h2 id="title">${t.refusedTitle}</h2>
${alarm(phoneRefusal(refusal, view.language))}
${ENDED.includes(refusal) && clockHint(view.clockNotice, view.language)}
<p class="hint">${t.refusedNext}</p><p class="hint">${t.code} <span class="number">${refusal}</span></p>${leave(view)}
</section>`
  return page(view, body)
}

export function phoneUnknown(language: Language): string {
  const t = TEXTS[language]
  const title = PHONE_TEXTS[language].title
  const body = html`<section class="card"><h1>${t.unknownTitle}</h1><p class="alarm" role="alert" data-testid="phone-error">${t.unknownWords}</p></section>`
  return frame({ language, title, mark: '微', path: '/wechat/scan', body, head: undefined })
}

/** The payment was opened from, or returns to, an unregistered domain; WeChat shows only the title. */
export function phoneUnregistered(
  language: Language,
  what: 'referer' | 'redirect_url',
  domain: string | undefined,
  registered: readonly string[],
): string {
  const t = PHONE_TEXTS[language]
  const seen = domain === undefined ? t.noDomain : html`<code>${domain}</code>`
  const body = html`<section class="card"><h1>商家参数格式有误，请联系商家解决</h1>
<p class="alarm" role="alert" data-testid="phone-error" data-refused="${what}">${what === 'referer' ? t.foreignReferer : t.foreignReturn}</p>
<dl><dt>${what === 'referer' ? 'Referer' : 'redirect_url'}</dt><dd>${seen}</dd>
<dt>${t.registered}</dt><dd>${registered.join(', ')}</dd></dl>
<p class="hint">${t.registeredHint}</p></section>`
  return frame({ language, title: t.title, mark: '微', path: '/wechat/scan', body, head: undefined })
}

/** The order names an address that this client cannot have; WeChat shows only the title. */
export function phoneElsewhere(language: Language, said: string, from: string): string {
  const t = PHONE_TEXTS[language]
  const body = html`<section class="card"><h1>网络环境未能通过安全验证，请稍后再试</h1>
<p class="alarm" role="alert" data-testid="phone-error" data-refused="payer_client_ip">${t.elsewhereAddress}</p>
<dl><dt>${t.saidAddress}</dt><dd><code>${said}</code></dd><dt>${t.yourAddress}</dt><dd><code>${from}</code></dd></dl>
<p class="hint">${t.elsewhereHint}</p></section>`
  return frame({ language, title: t.title, mark: '微', path: '/wechat/scan', body, head: undefined })
}
