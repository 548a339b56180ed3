/** The frame of every console page. */
import type { Clock } from '../core/clock.ts'
import { clockNotice } from '../core/pages/clock-notice.ts'
import { type Html, html } from '../core/pages/html.ts'
import { beijing } from '../core/time.ts'

const PAGES = [
  ['/console', '支付宝 Alipay'],
  ['/console/wechat', '微信支付 WeChat'],
  ['/console/deliveries', '通知 Deliveries'],
  ['/console/accounts', '账户 Accounts'],
  ['/console/control', '时钟与故障 Clock & faults'],
] as const

export function layout(current: string, title: string, clock: Clock, body: Html): string {
  const notice = clockNotice(clock)
  return html`<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · 沙箱 Sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/console.css">
<script src="/assets/console.js" defer></script>
</head>
<body>
<aside class="band" aria-label="Sandbox">沙箱 · Sandbox</aside>
<header><a class="brand" href="/console"><span class="mark" aria-hidden="true">沙</span>支付沙箱控制台 <span class="soft">Console</span></a>
<nav aria-label="Console">${PAGES.map(([path, name]) => html`<a href="${path}" ${path === current && html`aria-current="page"`}>${name}</a>`)}</nav>
<span class="clock" title="Sandbox clock, UTC+8">${beijing(clock.now())}</span>
<p class="ahead" data-testid="clock-notice">${notice && html`${notice['zh-CN']}<br><span lang="en">${notice.en}</span>`}</p></header>
<main id="main">${body}</main>
</body>
</html>
`.text
}

const TONES: Readonly<Record<string, string>> = {
  TRADE_SUCCESS: 'jade',
  SUCCESS: 'jade',
  NOTPAY: 'amber',
  PROCESSING: 'amber',
  ABNORMAL: 'alarm',
  TRADE_FINISHED: 'jade',
  delivered: 'jade',
  WAIT_BUYER_PAY: 'amber',
  pending: 'amber',
  exhausted: 'alarm',
  dropped: 'alarm',
  '已确认 acknowledged': 'jade',
  '未确认 not acknowledged': 'alarm',
}

export function badge(state: string): Html {
  return html`<span class="badge ${TONES[state] ?? 'plain'}">${state}</span>`
}

export function empty(chinese: string, english: string): Html {
  return html`<p class="empty">${chinese}<br><span class="soft">${english}</span></p>`
}
