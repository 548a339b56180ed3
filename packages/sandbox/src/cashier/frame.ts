/** The frame of the buyer's pages: the sandbox's banner, the page's owner, the language switch. */
import type { ClockNotice } from '../core/pages/clock-notice.ts'
import { type Html, html } from '../core/pages/html.ts'
import { type Language, TEXTS } from './texts.ts'

export interface Frame {
  readonly language: Language
  readonly title: string
  /** The sign beside the title. */
  readonly mark: string
  /** This page's own address, for the other language. */
  readonly path: string
  readonly body: Html
  readonly head: Html | undefined
}

export function frame({ language, title, mark, path, body, head }: Frame): string {
  const t = TEXTS[language]
  const other = language === 'en' ? 'zh-CN' : 'en'
  return html`<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · 沙箱 Sandbox</title>
${head}
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/cashier.css">
</head>
<body>
<aside class="band" aria-label="Sandbox">${t.band}</aside>
<header><span class="brand"><span class="mark" aria-hidden="true">${mark}</span>${title}</span>
<a class="quiet" href="${path}${path.includes('?') ? '&' : '?'}lang=${other}" lang="${other}" hreflang="${other}">${t.other}</a></header>
<main>${body}</main>
</body>
</html>
`.text
}

/** On a page about something expired: the clock may be the reason. */
export const clockHint = (notice: ClockNotice | undefined, language: Language): Html | undefined =>
  notice && html`<p class="hint ahead" data-testid="clock-notice">${notice[language]}</p>`
