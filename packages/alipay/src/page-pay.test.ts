/** Payment pages: what is signed is exactly what the browser sends, whatever the order contains. */
import { createVerify } from 'node:crypto'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPair } from '../test/alipay-side.ts'
import { startGateway } from '../test/gateway.ts'
import { createAlipay } from './client.ts'
import { FieldError } from './errors.ts'
import type { PagePay } from './page-pay.ts'

const merchant = newPair()
const now = new Date('2026-11-23T02:12:22Z')
const clientAt = (gateway: string) =>
  createAlipay({
    appId: '2021000120612450',
    privateKey: merchant.privateKey,
    alipayPublicKey: newPair().publicKey,
    gateway,
    clock: () => now,
  })
const client = clientAt('https://openapi.alipay.com/gateway.do')
const order: PagePay = { outTradeNo: 'N1', totalAmount: 3900, subject: '课程' }

/** Verifies like the gateway: all parameters except `sign`, decoded, empty values left out. */
function verifies(parameters: Readonly<Record<string, string>>): boolean {
  const content = Object.keys(parameters)
    .filter((name) => name !== 'sign' && parameters[name] !== '')
    .sort()
    .map((name) => `${name}=${parameters[name]}`)
    .join('&')
  return createVerify('RSA-SHA256')
    .update(content)
    .verify(merchant.publicKey, parameters['sign'] ?? '', 'base64')
}

test('the address of page.pay', async () => {
  const url = new URL(
    await client.pagePayUrl({
      ...order,
      body: 'b',
      timeExpire: new Date('2026-11-23T02:42:22Z'),
      passbackParams: 'a=1&b=学',
      goodsType: '0',
      qrPayMode: '4',
      qrcodeWidth: 200,
      returnUrl: 'https://shop.example/pay/success?x=1',
      notifyUrl: 'https://shop.example/notify',
      extra: { timeout_express: '90m' },
    }),
  )
  const parameters = Object.fromEntries(url.searchParams)
  expect(url.origin + url.pathname).toBe('https://openapi.alipay.com/gateway.do')
  expect(verifies(parameters)).toBe(true)
  expect(parameters).toMatchObject({
    method: 'alipay.trade.page.pay',
    app_id: '2021000120612450',
    charset: 'utf-8',
    sign_type: 'RSA2',
    version: '1.0',
    timestamp: '2026-11-23 10:12:22',
    return_url: 'https://shop.example/pay/success?x=1',
    notify_url: 'https://shop.example/notify',
  })
  expect(JSON.parse(parameters['biz_content'] ?? '')).toEqual({
    out_trade_no: 'N1',
    total_amount: '39.00',
    subject: '课程',
    product_code: 'FAST_INSTANT_TRADE_PAY',
    body: 'b',
    time_expire: '2026-11-23 10:42:22',
    passback_params: 'a%3D1%26b%3D%E5%AD%A6',
    goods_type: '0',
    qr_pay_mode: '4',
    qrcode_width: 200,
    timeout_express: '90m',
  })
})

test('the address of wap.pay', async () => {
  const url = new URL(await client.wapPayUrl({ ...order, quitUrl: 'https://shop.example/quit' }))
  const parameters = Object.fromEntries(url.searchParams)
  expect(verifies(parameters)).toBe(true)
  expect(parameters['method']).toBe('alipay.trade.wap.pay')
  expect(JSON.parse(parameters['biz_content'] ?? '')).toEqual({
    out_trade_no: 'N1',
    total_amount: '39.00',
    subject: '课程',
    product_code: 'QUICK_WAP_WAY',
    quit_url: 'https://shop.example/quit',
  })
})

test('nothing empty is sent or signed', async () => {
  const url = new URL(
    await client.pagePayUrl({ ...order, body: '', returnUrl: '', notifyUrl: undefined, passbackParams: '' }),
  )
  expect([...url.searchParams].filter(([, value]) => value === '')).toEqual([])
  expect(url.searchParams.get('biz_content')).not.toContain('body')
  expect(url.searchParams.has('return_url')).toBe(false)
})

describe('refused before anything is signed:', () => {
  const cases: Readonly<Record<string, readonly [field: string, pay: Partial<PagePay>]>> = {
    'no number': ['out_trade_no', { outTradeNo: '' }],
    'a number with other characters': ['out_trade_no', { outTradeNo: 'N 1' }],
    'a number of 65': ['out_trade_no', { outTradeNo: 'N'.repeat(65) }],
    'an amount of zero': ['total_amount', { totalAmount: 0 }],
    'a negative amount': ['total_amount', { totalAmount: -1 }],
    'a fraction of a fen': ['total_amount', { totalAmount: 0.5 }],
    'yuan as a float': ['total_amount', { totalAmount: 39.9 }],
    'not a number': ['total_amount', { totalAmount: Number.NaN }],
    'more than Alipay accepts': ['total_amount', { totalAmount: 10_000_000_001 }],
    'no subject': ['subject', { subject: ' ' }],
    'a subject with /': ['subject', { subject: 'a/b' }],
    'a subject with =': ['subject', { subject: 'a=b' }],
    'a subject with &': ['subject', { subject: 'a&b' }],
    'a subject of 257': ['subject', { subject: 'a'.repeat(257) }],
    'a body of 129': ['body', { body: 'a'.repeat(129) }],
    'passback parameters that grow beyond 512': ['passback_params', { passbackParams: '学'.repeat(60) }],
    'an expiry in the past': ['time_expire', { timeExpire: new Date(now.getTime() - 1) }],
    'an expiry in half a minute': ['time_expire', { timeExpire: new Date(now.getTime() + 30_000) }],
    'an expiry in 16 days': ['time_expire', { timeExpire: new Date(now.getTime() + 16 * 86_400_000) }],
    'an invalid date as expiry': ['time_expire', { timeExpire: new Date(Number.NaN) }],
    'a relative return address': ['return_url', { returnUrl: '/pay/success' }],
    'a return address that is a script': ['return_url', { returnUrl: 'javascript:alert(1)' }],
    'a notify address of 257': ['notify_url', { notifyUrl: `https://shop.example/${'a'.repeat(240)}` }],
    'a checked field passed again in extra': ['total_amount', { extra: { total_amount: '0.00' } }],
  }
  for (const [what, [field, pay]] of Object.entries(cases)) {
    test(what, async () => {
      const error = await client.pagePayUrl({ ...order, ...pay }).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(FieldError)
      expect(error).toMatchObject({ field, code: 'INVALID_FIELD' })
    })
  }
})

describe('the form, sent by a real browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env['XUECHENG_BROWSER'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  afterAll(() => browser.close())

  const nasty = `< > " ' &lt; &amp; &copy; &#60; 学城 😀 \u00a0 + % %2B \\ \\n </form> é \n\t end`
  // HTML offers no way to write C1 control characters that survives in a page of another charset.
  const pages = { 'utf-8': `${nasty} \x80\x9f`, gbk: nasty, '': nasty }
  for (const [charset, body] of Object.entries(pages)) {
    test(`arrives unchanged from a page in ${charset || 'an undeclared charset'}`, async () => {
      const gateway = await startGateway((response) => response.end('ok'))
      const client = clientAt(gateway.url)
      const returnUrl = `https://shop.example/pay/success?a=1&lt;=2&q="x"'&copy=${encodeURIComponent('学')}`
      const html = [
        await client.pagePayForm({ ...order, subject: body.replace(/[/=&]/g, ''), body, returnUrl }),
        await client.wapPayForm({ ...order, body, returnUrl }),
      ]
      const shop = await startGateway((response, { query }) => {
        response.setHeader('content-type', charset ? `text/html; charset=${charset}` : 'text/html')
        response.end(html[Number(query.get('form'))])
      })
      for (const form of html.keys()) {
        const page = await browser.newPage()
        await page.goto(`${shop.url}?form=${form}`)
        await page.waitForURL((url) => url.href.startsWith(gateway.url))
        await page.close()
      }
      const sent = gateway.received.filter(({ method }) => method === 'POST')
      expect(sent.map(({ query }) => query.get('method'))).toEqual(['alipay.trade.page.pay', 'alipay.trade.wap.pay'])
      for (const { form, query, parameters } of sent) {
        expect([...form.keys()]).toEqual(['biz_content'])
        expect(JSON.parse(form.get('biz_content') ?? '')).toMatchObject({ body })
        expect(query.get('return_url')).toBe(returnUrl)
        expect(verifies(parameters)).toBe(true)
      }
    })
  }
})
