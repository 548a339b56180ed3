/** The cashier's pages: log in, pay, done, refused. Plain forms that need no script. */
import { renderSVG } from 'uqr'
import type { Refusal } from '../alipay/trades/pay.ts'
import type { PaymentRequest, Trade } from '../alipay/trades/trade.ts'
import type { Buyer } from '../core/buyers.ts'
import { yuan } from '../core/money.ts'
import type { ClockNotice } from '../core/pages/clock-notice.ts'
import { type Html, html } from '../core/pages/html.ts'
import { beijing } from '../core/time.ts'
import { clockHint, frame } from './frame.ts'
import { type Language, refusalText, TEXTS } from './texts.ts'

export interface View {
  readonly language: Language
  readonly checkoutId: string
  readonly merchantName: string
  readonly request: PaymentRequest
  readonly expiresAt: number | undefined
  /** This page's full address, for the QR code. */
  readonly address: string
  readonly clockNotice: ClockNotice | undefined
}

const page = (language: Language, path: string, body: Html, head?: Html): string =>
  frame({ language, title: TEXTS[language].title, mark: '付', path, body, head })

function summary(view: View): Html {
  const t = TEXTS[view.language]
  const { order } = view.request
  return html`<section class="summary" aria-labelledby="subject">
<h1 id="subject">${order.subject}</h1>
<p class="amount"><span class="label">${t.amount}</span>
<span class="money" data-testid="cashier-amount"><small>¥</small>${yuan(order.total)}</span></p>
<dl><dt>${t.payTo}</dt><dd>${view.merchantName}</dd><dt>${t.order}</dt><dd class="number">${order.outTradeNo}</dd>
${view.expiresAt !== undefined && html`<dt>${t.due}</dt><dd class="number">${beijing(view.expiresAt)}</dd>`}</dl>
</section>`
}

/** The code opens this cashier on another device; the script notices when it was paid there. */
function scan(view: View): Html {
  const t = TEXTS[view.language]
  const code = renderSVG(view.address, { border: 2 })
  return html`<section class="scan" aria-label="${t.scan}"><a class="qr" href="${view.address}" data-testid="cashier-qr" aria-label="${t.scan}">${{ text: code }}</a>
<div><strong>${t.scan}</strong><p class="hint">${t.scanHint}</p></div></section>
<script src="/assets/cashier.js" data-state="/cashier/${view.checkoutId}/state" defer></script>`
}

function alarm(message: string | undefined): Html | undefined {
  if (message === undefined) return undefined
  return html`<p class="alarm" id="error" role="alert" data-testid="cashier-error">${message}</p>`
}

export function loginPage(view: View, error?: string, login = ''): string {
  const t = TEXTS[view.language]
  const path = `/cashier/${view.checkoutId}`
  const described = error === undefined ? undefined : html`aria-describedby="error" aria-invalid="true"`
  const body = html`${summary(view)}
<section class="card" aria-labelledby="title"><h2 id="title">${t.loginTitle}</h2>
${alarm(error)}
<form method="post" action="${path}/login">
<label for="login">${t.login}</label>
<input id="login" name="login" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" required value="${login}" ${described} ${login === '' && html`autofocus`}>
<label for="password">${t.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required ${described} ${login !== '' && html`autofocus`}>
<button type="submit" class="primary" data-testid="cashier-login">${t.loginButton}</button>
</form>
<p class="hint">${t.loginHint}</p>
${scan(view)}
</section>`
  return page(view.language, path, body)
}

export function payPage(view: View, buyer: Buyer, formToken: string, error?: string): string {
  const t = TEXTS[view.language]
  const path = `/cashier/${view.checkoutId}`
  const described = error === undefined ? undefined : html`aria-describedby="error" aria-invalid="true"`
  const body = html`${summary(view)}
<section class="card" aria-labelledby="title"><h2 id="title">${t.payButton}</h2>
<div class="account"><div><span class="label">${t.account}</span><strong>${buyer.login}</strong>
<span class="label">${t.balance} <span class="number">¥${yuan(buyer.balance)}</span></span></div>
<form method="post" action="${path}/logout"><input type="hidden" name="formToken" value="${formToken}"><button class="quiet" type="submit">${t.switchAccount}</button></form></div>
${alarm(error)}
<form method="post" action="${path}/pay">
<input type="hidden" name="formToken" value="${formToken}">
<input type="text" name="username" value="${buyer.login}" autocomplete="username" hidden>
<label for="paymentPassword">${t.paymentPassword}</label>
<input id="paymentPassword" name="paymentPassword" type="password" autocomplete="off" required autofocus ${described}>
<button type="submit" class="primary" data-testid="cashier-pay">${t.payButton} <span class="number">¥${yuan(view.request.order.total)}</span></button>
</form>
${view.request.order.quitUrl !== undefined && html`<p><a class="quiet" href="${view.request.order.quitUrl}">${t.leave}</a></p>`}
${scan(view)}
</section>`
  return page(view.language, path, body)
}

/** The buyer has confirmed and the payment is pending; the page reloads by itself. */
export function waitingPage(view: View): string {
  const t = TEXTS[view.language]
  const body = html`${summary(view)}
<section class="card" role="status" data-testid="cashier-waiting"><h2>${t.waitingTitle}</h2><p class="hint">${t.waitingWords}</p></section>`
  return page(view.language, `/cashier/${view.checkoutId}/success`, body, html`<meta http-equiv="refresh" content="2">`)
}

/** `back` is the signed return address; the page redirects there after a moment. */
export function successPage(view: View, trade: Trade, back: string | undefined): string {
  const t = TEXTS[view.language]
  const refresh = back === undefined ? undefined : html`<meta http-equiv="refresh" content="2;url=${back}">`
  const body = html`<section class="card done" data-testid="cashier-success" role="status">
<svg class="tick" viewBox="0 0 48 48" width="56" height="56" aria-hidden="true"><circle cx="24" cy="24" r="22"/><path d="M15 24.5l6.5 6.5L34 18"/></svg>
<h1>${t.successTitle}</h1>
<p class="money"><small>¥</small>${yuan(trade.total)}</p>
<p class="hint">${t.successWords}</p>
<dl><dt>${t.payTo}</dt><dd>${view.merchantName}</dd><dt>${t.tradeNo}</dt><dd class="number">${trade.tradeNo}</dd>
${trade.paidAt !== undefined && html`<dt>${t.paidAt}</dt><dd class="number">${beijing(trade.paidAt)}</dd>`}</dl>
${back === undefined ? html`<p class="hint">${t.successStay}</p>` : html`<a class="primary" href="${back}" data-testid="cashier-return">${t.returnButton}</a><p class="hint">${t.successReturn}</p>`}
</section>`
  return page(view.language, `/cashier/${view.checkoutId}/success`, body, refresh)
}

/** Offers another account only when the trade belongs to another buyer. */
export function refusedPage(view: View, refusal: Refusal, switchToken?: string): string {
  const t = TEXTS[view.language]
  const path = `/cashier/${view.checkoutId}`
  const isOthers = refusal === 'TRADE_BUYER_NOT_MATCH'
  const ended = refusal === 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR' || refusal === 'TRADE_HAS_CLOSE'
  const body = html`${summary(view)}
<section class="card" aria-labelledby="title"><h2 id="title">${t.refusedTitle}</h2>
${alarm(refusalText(refusal, view.language))}
${ended && clockHint(view.clockNotice, view.language)}
<p class="hint">${isOthers ? t.refusedOther : t.refusedNext}</p>
<p class="hint">${t.code} <span class="number">${refusal}</span></p>
${isOthers && switchToken !== undefined && html`<form method="post" action="${path}/logout"><input type="hidden" name="formToken" value="${switchToken}"><button class="primary" type="submit">${t.switchAccount}</button></form>`}
${wayBack(view)}
</section>`
  return page(view.language, path, body)
}

/** Nothing was paid, so nothing is signed: the merchant's plain return address. */
function wayBack({ request, language }: View): Html {
  const t = TEXTS[language]
  const address = request.order.quitUrl ?? request.returnUrl
  if (address === undefined) return html`<p class="hint">${t.successStay}</p>`
  return html`<a class="primary" href="${address}" data-testid="cashier-back">${t.returnButton}</a><p class="hint address">${address}</p>`
}

export function unknownPage(language: Language): string {
  const t = TEXTS[language]
  const body = html`<section class="card"><h1>${t.unknownTitle}</h1><p class="alarm" role="alert" data-testid="cashier-error">${t.unknownWords}</p></section>`
  return page(language, '/cashier', body)
}
