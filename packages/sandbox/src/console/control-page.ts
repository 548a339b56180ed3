/** The console's page of clock and faults. */

import { FAULT_TEXTS, FAULTS, type Fault } from '../core/faults/fault.ts'
import { type Html, html } from '../core/pages/html.ts'
import { beijing } from '../core/time.ts'
import type { Sandbox } from '../sandbox.ts'
import { empty } from './layout.ts'
import { notificationSwitch } from './pages.ts'

const STEPS = [
  [240, '4 分钟', '4 min'],
  [3_600, '1 小时', '1 h'],
  [86_400, '1 天', '1 day'],
  [90_000, '25 小时', '25 h'],
  [1_296_000, '15 天', '15 days'],
] as const

export function controlPage(sandbox: Sandbox): Html {
  return html`<h1>时钟与故障 <span class="soft">Clock & faults</span></h1>
<div class="bar">${notificationSwitch(sandbox)}</div>
${clock(sandbox)}
${faultForm()}
${faultTable(sandbox.faults.list())}
<h2 id="reset">重置 <span class="soft">Reset</span></h2>
<div class="bar"><form method="post" action="/console/reset"><button type="submit">清空交易、通知、买家与故障，并把时钟调回本机时间 Clear trades, deliveries, buyers and faults, and put the clock back</button></form></div>`
}

function clock(sandbox: Sandbox): Html {
  const ahead = Math.round(sandbox.clock.offset() / 1000)
  const words =
    ahead === 0 ? '与本机一致 same as this machine' : `比本机快 ${ahead} 秒 · ${ahead} s ahead of this machine`
  const buttons = STEPS.map(
    ([
      seconds,
      zh,
      en,
    ]) => html`<form method="post" action="/console/clock"><input type="hidden" name="seconds" value="${seconds}">
<button type="submit">+ ${zh} ${en}</button></form>`,
  )
  return html`<h2>时钟 <span class="soft">Clock</span></h2>
<p><span class="number">${beijing(sandbox.clock.now())}</span> <span class="soft">${words}</span></p>
<div class="bar">${buttons}</div>`
}

function faultForm(): Html {
  const kinds = FAULTS.map(
    (kind) => html`<option value="${kind}">${kind} — ${FAULT_TEXTS[kind][0]} ${FAULT_TEXTS[kind][1]}</option>`,
  )
  return html`<h2>故障 <span class="soft">Faults</span></h2>
<div class="bar"><form method="post" action="/console/faults">
<label>种类 Kind<select name="kind">${kinds}</select></label>
<label>商户订单号 out_trade_no<input name="outTradeNo" maxlength="64" placeholder="全部 all"></label>
<label>次数 Times<input name="times" type="number" min="1" placeholder="不限 no end"></label>
<label>秒 Seconds<input name="seconds" type="number" min="0"></label>
<label>概率 Probability<input name="probability" type="number" min="0" max="1" step="any" placeholder="1"></label>
<label>方法 Method<input name="method" placeholder="alipay.trade.refund"></label>
<label>错误码 sub_code<input name="subCode" placeholder="ACQ.SYSTEM_ERROR"></label>
<button type="submit">设置 Set</button></form></div>`
}

function faultTable(faults: readonly Fault[]): Html {
  if (faults.length === 0) return empty('没有故障，一切如常。', 'No faults: everything works as it should.')
  const rows = faults.map(
    (
      fault,
    ) => html`<tr><td>${fault.kind}</td><td>${FAULT_TEXTS[fault.kind][0]}<br><span class="soft">${FAULT_TEXTS[fault.kind][1]}</span></td>
<td>${fault.scope.outTradeNo ?? fault.scope.appId ?? '全部 all'}</td><td>${Object.entries(fault.options)
      .map(([name, value]) => `${name}: ${value}`)
      .join(', ')}</td>
<td class="right">${fault.remaining ?? '∞'}</td><td class="right"><form method="post" action="/console/faults/${fault.id}/remove"><button type="submit">取消 Remove</button></form></td></tr>`,
  )
  return html`<div class="table"><table><thead><tr><th>种类 Kind</th><th>作用 Effect</th><th>范围 Scope</th><th>选项 Options</th><th class="right">剩余 Left</th><th></th></tr></thead><tbody>${rows}</tbody></table></div>`
}
