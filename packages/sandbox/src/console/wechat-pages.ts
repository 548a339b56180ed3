/** The console's pages of WeChat Pay: trades with a link to the paying phone, refunds, and every delivery. */

import { subtract, yuan } from '../core/money.ts'
import type { Attempt, Delivery } from '../core/notifications/store.ts'
import { type Html, html } from '../core/pages/html.ts'
import { beijing } from '../core/time.ts'
import type { Sandbox } from '../sandbox.ts'
import type { WechatMerchant } from '../wechat/merchants.ts'
import { pathOf } from '../wechat/phone/pages.ts'
import type { WechatTrade } from '../wechat/trades/trades.ts'
import { deliveriesTable } from './deliveries-table.ts'
import { badge, empty } from './layout.ts'
import { attemptCard, notificationSwitch } from './pages.ts'

const when = (at: number | undefined) => (at === undefined ? '—' : beijing(at))

/** A link to the phone, for an unpaid trade. */
const phone = (trade: WechatTrade): Html | undefined =>
  trade.state === 'NOTPAY' && trade.prepayId !== undefined
    ? html`<a href="${pathOf({ trade, back: undefined })}">扫码付款 Scan and pay</a>`
    : undefined

export function wechatTradesPage(sandbox: Sandbox, before: number | undefined): Html {
  const { trades, merchants } = sandbox.wechat
  const { items, next } = trades.list({ before, limit: 50 })
  const cards = trades.takings().map(
    (
      each,
    ) => html`<div class="card"><span class="soft">${merchants.find(each.mchId)?.name ?? each.mchId}</span><b>¥${yuan(subtract(each.paid, each.refunded))}</b>
<span class="soft">${each.paidCount} 笔已付 paid · ¥${yuan(each.refunded)} 已退 refunded</span></div>`,
  )
  const rows = items.map(
    (
      trade,
    ) => html`<tr><td class="nowrap">${when(trade.createdAt)}</td><td><a href="/console/wechat/${trade.id}">${trade.outTradeNo}</a></td><td>${trade.description}</td><td>${trade.tradeType}</td>
<td class="right">${yuan(trade.total)}</td><td class="right">${trade.refunded > 0 ? yuan(trade.refunded) : ''}</td><td>${badge(trade.state)}</td><td class="nowrap">${phone(trade)}</td></tr>`,
  )
  return html`<h1>微信支付 <span class="soft">WeChat Pay</span></h1><div class="bar">${notificationSwitch(sandbox)}</div><div class="cards">${cards}</div>
${
  items.length === 0
    ? empty('还没有交易。商户下单后就会出现。', 'No trades yet. One appears once a merchant creates an order.')
    : html`<div class="table"><table><thead><tr><th>创建 Created</th><th>商户订单号 out_trade_no</th><th>商品 Description</th><th>类型 Type</th><th class="right">金额 Amount</th><th class="right">已退 Refunded</th><th>状态 State</th><th>手机 Phone</th></tr></thead><tbody>${rows}</tbody></table></div>`
}${next !== undefined && html`<p><a href="/console/wechat?cursor=${next}" rel="next">更早 Older</a></p>`}`
}

export function wechatTradePage(sandbox: Sandbox, trade: WechatTrade): Html {
  const { trades, merchants, deliveries } = sandbox.wechat
  const refunds = sandbox.wechat.refunds.of(trade.id)
  const { items } = deliveries.list({ outTradeNo: trade.outTradeNo, limit: 100 })
  const buyer = trade.buyerId === undefined ? undefined : sandbox.buyers.find(trade.buyerId)
  return html`<h1>${trade.description} <span class="soft">¥${yuan(trade.total)}</span></h1><p>${phone(trade)}</p>
<dl><dt>状态 State</dt><dd>${badge(trade.state)}</dd><dt>商户订单号 out_trade_no</dt><dd>${trade.outTradeNo}</dd><dt>transaction_id</dt><dd>${trade.transactionId ?? '—'}</dd>
<dt>商户 Merchant</dt><dd>${trade.mchId} · ${merchants.find(trade.mchId)?.name}</dd><dt>买家 Buyer</dt><dd>${buyer?.login ?? '—'}</dd><dt>类型 Type</dt><dd>${trade.tradeType}</dd>
<dt>code_url</dt><dd>${trade.code ?? '—'}</dd><dt>创建 Created</dt><dd>${when(trade.createdAt)}</dd><dt>付款 Paid</dt><dd>${when(trade.paidAt)}</dd><dt>关闭 Closed</dt><dd>${when(trade.closedAt)}</dd>
<dt>付款截止 Expires</dt><dd>${when(trade.expiresAt)}</dd><dt>notify_url</dt><dd>${trade.notifyUrl}</dd></dl>
<h2>退款 <span class="soft">Refunds</span></h2>
${
  refunds.length === 0
    ? empty('没有退款。', 'None.')
    : html`<div class="table"><table><tbody>${refunds.map((refund) => html`<tr><td class="nowrap">${when(refund.createdAt)}</td><td>${refund.outRefundNo}</td><td class="right">${yuan(refund.amount)}</td><td>${badge(refund.status)}</td><td>${refund.reason}</td></tr>`)}</tbody></table></div>`
}
<h2>历史 <span class="soft">History</span></h2>
<div class="table"><table><tbody>${trades.history(trade.id).map((event) => html`<tr><td class="nowrap">${when(event.at)}</td><td>${event.event}</td><td>${event.detail}</td></tr>`)}</tbody></table></div>
<h2>通知 <span class="soft">Deliveries</span></h2>
${items.length === 0 ? empty('没有通知。', 'Nothing was or will be sent.') : deliveriesTable(items, '/console/wechat/deliveries')}`
}

/** The newest notifications of WeChat Pay. */
export function wechatDeliveries(sandbox: Sandbox): Html {
  const { items } = sandbox.wechat.deliveries.list({ limit: 50 })
  return html`<h2>微信支付 <span class="soft">WeChat Pay</span></h2>
${items.length === 0 ? empty('还没有通知。', 'Nothing sent yet.') : deliveriesTable(items, '/console/wechat/deliveries')}`
}

/** WeChat Pay's merchants and their verification keys. */
export function wechatMerchants(sandbox: Sandbox): Html {
  const merchants = sandbox.wechat.merchants.list()
  const rows = merchants.map(
    (
      merchant,
    ) => html`<tr><td class="nowrap">${merchant.mchId}</td><td>${merchant.name}</td><td class="nowrap">${merchant.appId}</td>
<td>${merchant.keyMode === 'certificate' ? '平台证书 certificate' : '公钥 public key'}</td><td>${verifiedBy(sandbox, merchant)}</td></tr>`,
  )
  return html`<h2>微信支付商户 <span class="soft">WeChat Pay merchants</span></h2>
${
  merchants.length === 0
    ? empty(
        '还没有商户。用 PUT /sandbox/api/wechat/merchants/{mchId} 登记一个。',
        'No merchants yet. Register one with PUT /sandbox/api/wechat/merchants/{mchId}.',
      )
    : html`<div class="table"><table><thead><tr><th>mchid</th><th>名称 Name</th><th>appid</th><th>模式 Mode</th><th>验签依据 Verified by</th></tr></thead><tbody>${rows}</tbody></table></div>`
}`
}

function verifiedBy(sandbox: Sandbox, merchant: WechatMerchant): Html {
  if (merchant.keyMode !== 'certificate')
    return html`${merchant.publicKeyId}<pre tabindex="0">${merchant.wechatPublicKey}</pre>`
  const [newest, ...older] = sandbox.wechat.certificates.list(merchant.mchId)
  const isRotating = newest !== undefined && older.length > 0 && newest.share < 100
  const label = isRotating ? '新证书签发全部 Let the new one sign all' : '轮换平台证书 Rotate'
  return html`${[newest, ...older].map((each) => each && html`<div>${each.serialNo} · ${each.share} %</div>`)}
<div class="bar"><form method="post" action="/console/wechat/merchants/${merchant.mchId}/rotate"><button type="submit">${label}</button></form></div>`
}

export function wechatDeliveryPage(delivery: Delivery, attempts: readonly Attempt[]): Html {
  return html`<h1>通知 <span class="soft">${delivery.notifyId}</span></h1>
<div class="bar"><form method="post" action="/console/wechat/deliveries/${delivery.id}/replay"><button class="primary" type="submit">立即重发 Replay now</button></form></div>
<dl><dt>状态 State</dt><dd>${badge(delivery.state)}</dd><dt>事件 Event</dt><dd>${delivery.event}</dd><dt>商户订单号 out_trade_no</dt><dd>${delivery.outTradeNo}</dd>
<dt>地址 Address</dt><dd>${delivery.url}</dd><dt>下次 Next attempt</dt><dd>${when(delivery.nextAt)}</dd></dl>
<h2>加密前 <span class="soft">Before encryption</span></h2><pre tabindex="0">${delivery.fields[0]?.[1] ?? ''}</pre>
<h2>发送记录 <span class="soft">Attempts</span></h2>
${attempts.length === 0 ? empty('还没有发送过。', 'Not sent yet.') : attempts.map(attemptCard)}`
}
