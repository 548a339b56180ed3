/** Notifications of either gateway as a table. Long values go below short ones, so that a row fits a small screen. */

import type { Delivery } from '../core/notifications/store.ts'
import { type Html, html } from '../core/pages/html.ts'
import { beijing } from '../core/time.ts'
import { badge } from './layout.ts'

/** `path` is the base path of the deliveries' own pages. */
export function deliveriesTable(items: readonly Delivery[], path: string): Html {
  return html`<div class="table"><table><thead><tr><th>创建 Created</th><th>事件 Event</th><th>商户订单号 out_trade_no</th><th>地址 Address</th><th class="right">次数 Attempts</th><th>状态 State</th></tr></thead><tbody>${items.map((delivery) => row(delivery, path))}</tbody></table></div>`
}

function row(delivery: Delivery, path: string): Html {
  const { id, createdAt, event, notifyId, outTradeNo, url, attempts, state, nextAt } = delivery
  return html`<tr><td class="nowrap">${beijing(createdAt)}</td>
<td class="nowrap"><a href="${path}/${id}">${event}</a><br><span class="soft">${notifyId}</span></td><td>${outTradeNo}</td><td class="address">${url}</td>
<td class="right">${attempts}</td><td class="nowrap">${badge(state)}${nextAt !== undefined && html`<br><span class="soft">下次 Next ${beijing(nextAt)}</span>`}</td></tr>`
}
