/** The official Node SDK against the sandbox: unusual requests, other sites, and expiry. */
import { expect, test } from 'vitest'
import { signed } from '../hand.ts'
import { call, type Json } from '../rig.ts'
import { payLink, sandbox, setup } from './rig.ts'

test('numbers, escapes and spaces in biz_content are taken as Python sends them', async () => {
  const content =
    '{"out_trade_no": "PY-1", "total_amount": 0.1, "subject": "\\u8bfe\\u7a0b", "product_code": "FAST_INSTANT_TRADE_PAY"}'
  const query = signed(setup.merchant, { method: 'alipay.trade.page.pay', content })
  const { trade } = await call<{ trade: Json }>(sandbox.url, 'POST', '/pay', {
    payUrl: `${sandbox.url}/gateway.do?${query}`,
  })
  expect(trade).toMatchObject({ totalAmount: '0.10', subject: '课程' })
})

test.each(['javascript:alert(1)', 'data:text/html,x'])('the address %s leads nowhere', async (address) => {
  for (const change of [{ return_url: address }, { notify_url: address }, {}]) {
    const content = {
      out_trade_no: 'JS',
      total_amount: '1.00',
      subject: 's',
      product_code: 'QUICK_WAP_WAY',
      ...(!('return_url' in change || 'notify_url' in change) && { quit_url: address }),
    }
    const query = signed(setup.merchant, { method: 'alipay.trade.wap.pay', content, change })
    expect(
      await call(sandbox.url, 'POST', '/pay', { payUrl: `${sandbox.url}/gateway.do?${query}` }, 422),
    ).toMatchObject({ code: 'ACQ.INVALID_PARAMETER' })
  }
})

test('pages of other sites cannot call the interface or send the cashier’s forms', async () => {
  const opened = await fetch(payLink('CSRF-1'), { redirect: 'manual' })
  const address = new URL(opened.headers.get('location') ?? '', sandbox.url).href
  for (const [path, headers] of [
    [`${address}/login`, { origin: 'http://evil.example' }],
    [`${address}/login`, { 'sec-fetch-site': 'cross-site' }],
    [`${sandbox.url}/sandbox/api/reset`, { origin: 'http://evil.example' }],
    [`${sandbox.url}/console/reset`, { origin: 'null' }],
  ] as const) {
    expect((await fetch(path, { method: 'POST', headers })).status).toBe(403)
  }
})

test('an unpaid trade closes when its time runs out', async () => {
  const opened = await fetch(payLink('TIME-1', '1.00', { timeoutExpress: '30m' }), { redirect: 'manual' })
  const address = new URL(opened.headers.get('location') ?? '', sandbox.url).href
  await fetch(`${address}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ login: 'buyer@sandbox.example', password: '111111' }),
  })
  await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 1801 })
  const answer = await setup.sdk.exec(
    'alipay.trade.query',
    { bizContent: { outTradeNo: 'TIME-1' } },
    { validateSign: true },
  )
  expect(answer).toMatchObject({ tradeStatus: 'TRADE_CLOSED' })
})
