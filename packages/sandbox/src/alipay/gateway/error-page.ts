/**
 * The page that Alipay shows when a payment page cannot be opened: GBK, status 200, code and reason as text (Alipay,
 * errors of page methods).
 */
import { encode } from '../../core/charset.ts'
import { html } from '../../core/pages/html.ts'
import type { GatewayError } from './errors.ts'

export function errorPage({ subCode, subMsg }: GatewayError): Buffer {
  const code = subCode.replace(/^(isv|ACQ|aop|isp)\./, '')
  const page = html`<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=GBK">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>沙箱 · Sandbox - 调试错误</title>
<style>
body { margin: 0; background: #fbfaf7; color: #1c1b19; font: 15px/1.6 system-ui, "PingFang SC", "Noto Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
.band { background: repeating-linear-gradient(-45deg, #8a5a00 0 12px, #6d4700 12px 24px); color: #fff; text-align: center; padding: 8px; font-weight: 600 }
main { max-width: 720px; margin: 48px auto; padding: 0 20px }
h1 { font-size: 21px; line-height: 1.35 }
dt { color: #5b5852; font-size: 13px } dd { margin: 0 0 16px; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { background: #161513; color: #f0ede6 } dt { color: #b5b0a6 } }
</style>
</head>
<body>
<div class="band">沙箱 · Sandbox</div>
<main>
<h1>调试错误，请回到请求来源地，重新发起请求。</h1>
<dl>
<dt>错误代码</dt><dd>${code}</dd>
<dt>错误原因:</dt><dd>${subMsg.replaceAll('&amp;', '&')}</dd>
</dl>
</main>
</body>
</html>
`
  return encode(page.text, 'gbk')
}
