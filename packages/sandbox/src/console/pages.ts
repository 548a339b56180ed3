/** The console's pages: accounts, trades, and the notifications with their answers. */

import type { Trade } from '../alipay/trades/trade.ts'
import { subtract, yuan } from '../core/money.ts'
import { sendsNotifications } from '../core/notifications/notifications.ts'
import type { Attempt, Delivery } from '../core/notifications/store.ts'
import { type Html, html } from '../core/pages/html.ts'
import { beijing } from '../core/time.ts'
import type { Sandbox } from '../sandbox.ts'
import { deliveriesTable } from './deliveries-table.ts'
import { badge, empty } from './layout.ts'

const when = (at: number | undefined) => (at === undefined ? '—' : beijing(at))

function pager(path: string, next: number | undefined): Html | undefined {
  return next === undefined ? undefined : html`<p><a href="${path}?cursor=${next}" rel="next">更早 Older</a></p>`
}

export function notificationSwitch(sandbox: Sandbox): Html {
  const on = sendsNotifications(sandbox.settings)
  return html`<form method="post" action="/console/notifications"><input type="hidden" name="enabled" value="${on ? 'false' : 'true'}">
<span>通知 Notifications <b class="${on ? 'jade' : 'alarm'}">${on ? '开 on' : '关 off'}</b></span><button type="submit">${on ? '关闭 Switch off' : '打开 Switch on'}</button></form>`
}

export function tradesPage(sandbox: Sandbox, before: number | undefined): Html {
  const { items, next } = sandbox.trades.list({ before, limit: 50 })
  const takings = sandbox.trades.takings()
  const summary = takings.map(
    (
      each,
    ) => html`<div class="card"><span class="soft">${sandbox.merchants.find(each.appId)?.name ?? each.appId}</span><b>¥${yuan(subtract(each.paid, each.refunded))}</b>
<span class="soft">${each.paidCount} 笔已付 paid · ¥${yuan(each.refunded)} 已退 refunded</span></div>`,
  )
  const rows = items.map(
    (
      trade,
    ) => html`<tr><td class="nowrap">${when(trade.createdAt)}</td><td class="nowrap"><a href="/console/trades/${trade.tradeNo}">${trade.tradeNo}</a></td><td>${trade.outTradeNo}</td><td>${trade.subject}</td>
<td class="right">${yuan(trade.total)}</td><td class="right">${trade.refunded > 0 ? yuan(trade.refunded) : ''}</td><td>${badge(trade.status)}</td></tr>`,
  )
  return html`<h1>交易 <span class="soft">Trades</span></h1><div class="bar">${notificationSwitch(sandbox)}</div><div class="cards">${summary}</div>
${
  items.length === 0
    ? empty(
        '还没有交易。买家在收银台登录后，交易才会出现。',
        'No trades yet. One appears once a buyer has logged in at the cashier.',
      )
    : html`<div class="table"><table><thead><tr><th>创建 Created</th><th>交易号 Trade no.</th><th>商户订单号 out_trade_no</th><th>标题 Subject</th><th class="right">金额 Amount</th><th class="right">已退 Refunded</th><th>状态 Status</th></tr></thead><tbody>${rows}</tbody></table></div>`
}${pager('/console', next)}`
}

export function tradePage(sandbox: Sandbox, trade: Trade): Html {
  const { items } = sandbox.deliveries.list({ tradeNo: trade.tradeNo, limit: 100 })
  const history = sandbox.trades.history(trade.tradeNo)
  const buyer = sandbox.buyers.find(trade.buyerId)
  return html`<h1>${trade.subject} <span class="soft">¥${yuan(trade.total)}</span></h1>
<dl><dt>状态 Status</dt><dd>${badge(trade.status)}</dd><dt>交易号 Trade no.</dt><dd>${trade.tradeNo}</dd><dt>商户订单号 out_trade_no</dt><dd>${trade.outTradeNo}</dd>
<dt>应用 App</dt><dd>${trade.appId} · ${sandbox.merchants.find(trade.appId)?.name}</dd><dt>买家 Buyer</dt><dd>${buyer?.login} · ${trade.buyerId}</dd>
<dt>方法 Method</dt><dd>${trade.request.method}</dd><dt>已退 Refunded</dt><dd>¥${yuan(trade.refunded)}</dd><dt>创建 Created</dt><dd>${when(trade.createdAt)}</dd><dt>付款 Paid</dt><dd>${when(trade.paidAt)}</dd>
<dt>关闭 Closed</dt><dd>${when(trade.closedAt)}</dd><dt>付款截止 Expires</dt><dd>${when(trade.expiresAt)}</dd><dt>notify_url</dt><dd>${trade.request.notifyUrl ?? '—'}</dd><dt>return_url</dt><dd>${trade.request.returnUrl ?? '—'}</dd></dl>
<h2>历史 <span class="soft">History</span></h2>
<div class="table"><table><tbody>${history.map((event) => html`<tr><td class="nowrap">${when(event.at)}</td><td>${event.event}</td><td>${event.detail}</td></tr>`)}</tbody></table></div>
<h2>通知 <span class="soft">Deliveries</span></h2>${items.length === 0 ? empty('没有通知。', 'Nothing was or will be sent.') : deliveriesTable(items, '/console/deliveries')}`
}

export function deliveriesPage(sandbox: Sandbox, before: number | undefined): Html {
  const { items, next } = sandbox.deliveries.list({ before, limit: 50 })
  return html`<h1>通知 <span class="soft">Deliveries</span></h1><div class="bar">${notificationSwitch(sandbox)}</div>
${items.length === 0 ? empty('还没有通知。付款成功后，通知会发往 notify_url。', 'Nothing sent yet. A payment sends one to notify_url.') : deliveriesTable(items, '/console/deliveries')}${pager('/console/deliveries', next)}`
}

export function deliveryPage(delivery: Delivery, attempts: readonly Attempt[]): Html {
  return html`<h1>通知 <span class="soft">${delivery.notifyId}</span></h1>
<div class="bar"><form method="post" action="/console/deliveries/${delivery.id}/replay"><button class="primary" type="submit">立即重发 Replay now</button></form></div>
<dl><dt>状态 State</dt><dd>${badge(delivery.state)}</dd><dt>事件 Event</dt><dd>${delivery.event}</dd><dt>交易 Trade</dt><dd><a href="/console/trades/${delivery.tradeNo}">${delivery.tradeNo}</a> · ${delivery.outTradeNo}</dd>
<dt>地址 Address</dt><dd>${delivery.url}</dd><dt>下次 Next attempt</dt><dd>${when(delivery.nextAt)}</dd></dl>
<h2>发送记录 <span class="soft">Attempts</span></h2>
${attempts.length === 0 ? empty('还没有发送过。', 'Not sent yet.') : attempts.map(attemptCard)}`
}

export function attemptCard(attempt: Attempt, index: number): Html {
  const { answer } = attempt
  const head = `${attempt.requestHeaders}\r\n\r\n${attempt.requestBody.toString('latin1')}`
  return html`<article class="attempt"><h3>${index + 1}. ${when(attempt.at)} · ${attempt.kind} · ${attempt.duration} ms ${badge(attempt.acknowledged ? '已确认 acknowledged' : '未确认 not acknowledged')}</h3>
<h4>发出 Sent</h4><pre tabindex="0">${head}</pre>
<h4>回答 Answered ${answer.error !== '' && html`<span class="alarm">${answer.error}</span>`}</h4>
${answer.status === undefined ? undefined : html`<pre tabindex="0">HTTP ${answer.status}\n${answer.headers}\n\n${answer.body.toString('utf8')}</pre>`}</article>`
}

export function accountsPage(sandbox: Sandbox): Html {
  const merchants = sandbox.merchants.list()
  const buyers = sandbox.buyers.list()
  return html`<h1>账户 <span class="soft">Accounts</span></h1><h2>商户 <span class="soft">Merchants</span></h2>
${
  merchants.length === 0
    ? empty(
        '还没有商户。用 PUT /sandbox/api/merchants/{appId} 登记一个。',
        'No merchants yet. Register one with PUT /sandbox/api/merchants/{appId}.',
      )
    : html`<div class="table"><table><thead><tr><th>app_id</th><th>名称 Name</th><th>seller_id</th><th>模式 Mode</th><th>支付宝公钥 Alipay public key</th></tr></thead><tbody>${merchants.map(
        (merchant) =>
          html`<tr><td class="nowrap">${merchant.appId}</td><td>${merchant.name}</td><td class="nowrap">${merchant.sellerId}</td><td>${merchant.keyMode}</td><td class="key"><pre tabindex="0">${merchant.alipayPublicKey}</pre></td></tr>`,
      )}</tbody></table></div>`
}
<h2>新商户 <span class="soft">New merchant</span></h2>
<div class="bar"><form method="post" action="/console/merchants"><label>名称 Name<input name="name" maxlength="100" placeholder="沙箱商户"></label>
<label>模式 Mode<select name="keyMode"><option value="key">公钥 key</option><option value="cert">证书 certificate</option></select></label>
<label>应用公钥 Application public key<input name="appPublicKey" size="40" placeholder="MIIBIjANBgkq… (留空则自动生成 made if empty)"></label><button type="submit">创建 Create</button></form></div>
<h2>买家 <span class="soft">Buyers</span></h2>
<div class="table"><table><thead><tr><th>账户 Login</th><th>登录密码 Login password</th><th>支付密码 Payment password</th><th>用户号 User id</th><th class="right">余额 Balance</th></tr></thead><tbody>${buyers.map(
    (buyer) =>
      html`<tr><td class="nowrap">${buyer.login}</td><td>${buyer.loginPassword}</td><td>${buyer.paymentPassword}</td><td>${buyer.id}</td><td class="right">${yuan(buyer.balance)}</td></tr>`,
  )}</tbody></table></div>
<h2>新买家 <span class="soft">New buyer</span></h2>
<div class="bar"><form method="post" action="/console/buyers"><label>账户 Login<input name="login" required minlength="3" maxlength="100"></label>
<label>余额 Balance<input name="balance" inputmode="decimal" value="100.00" required></label>
<button type="submit">创建 Create</button><span class="soft">两个密码均为 111111 both passwords</span></form></div>`
}
