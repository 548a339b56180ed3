/** The official Node SDK against the sandbox: pay links, the cashier, and trades. */
import { expect, test } from 'vitest'
import { signed } from '../hand.ts'
import { call, eventually, fieldsOf, type Json, merchantWithSdk } from '../rig.ts'
import { heard, payLink, sandbox, setup, shop } from './rig.ts'

/** Walks through the cashier as a browser without scripts does; the success page. */
async function walk(start: string, init?: RequestInit): Promise<string> {
  const opened = await fetch(start, { ...init, redirect: 'manual' })
  expect(opened.status).toBe(302)
  const address = new URL(opened.headers.get('location') ?? '', sandbox.url).href
  const form = (path: string, fields: Record<string, string>, cookie = '') =>
    fetch(`${address}/${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie },
      body: new URLSearchParams(fields),
    })
  const wrong = await form('login', { login: 'buyer@sandbox.example', password: 'wrong' })
  expect(await wrong.text()).toContain('data-testid="cashier-error"')
  const login = await form('login', { login: 'buyer@sandbox.example', password: '111111' })
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const cashier = await (await fetch(address, { headers: { cookie } })).text()
  const formToken = /name="formToken" value="([^"]+)"/.exec(cashier)?.[1] ?? ''
  const refused = await form('pay', { formToken, paymentPassword: '222222' }, cookie)
  expect(await refused.text()).toContain('data-testid="cashier-error"')
  const paid = await form('pay', { formToken, paymentPassword: '111111' }, cookie)
  expect(paid.status).toBe(303)
  return (await fetch(new URL(paid.headers.get('location') ?? '', sandbox.url), { headers: { cookie } })).text()
}

function returnFrom(page: string): URL {
  const href = /href="([^"]+)" data-testid="cashier-return"/.exec(page)?.[1] ?? ''
  return new URL(href.replaceAll('&amp;', '&'))
}

test('a GET link is paid at the cashier; query, return and notification verify with the official SDK', async () => {
  const back = returnFrom(await walk(payLink('GET-1')))
  expect(back.searchParams.get('from')).toBe('alipay')
  expect([...back.searchParams.keys()]).toEqual([
    'from',
    'charset',
    'out_trade_no',
    'method',
    'total_amount',
    'sign',
    'trade_no',
    'auth_app_id',
    'version',
    'app_id',
    'sign_type',
    'seller_id',
    'timestamp',
  ])
  back.searchParams.delete('from')
  expect(setup.sdk.checkNotifySignV2(Object.fromEntries(back.searchParams))).toBe(true)

  const answer = await setup.sdk.exec(
    'alipay.trade.query',
    { bizContent: { outTradeNo: 'GET-1' } },
    { validateSign: true },
  )
  expect(answer).toMatchObject({
    code: '10000',
    tradeStatus: 'TRADE_SUCCESS',
    totalAmount: '39.00',
    buyerLogonId: 'buy***@sandbox.example',
    receiptAmount: '0.00',
  })

  await eventually(() => heard('GET-1')).toHaveLength(1)
  const [fields = {}] = heard('GET-1')
  expect(setup.sdk.checkNotifySignV2(fields)).toBe(true)
  expect(fields).toMatchObject({
    out_trade_no: 'GET-1',
    total_amount: '39.00',
    trade_status: 'TRADE_SUCCESS',
    subject: '学城+课程 % "1"',
    app_id: setup.merchant.appId,
    seller_id: setup.merchant.sellerId,
    fund_bill_list: '[{"amount":"39.00","fundChannel":"ALIPAYACCOUNT"}]',
  })
  expect(Object.values(fields)).not.toContain('')
  expect(setup.sdk.checkNotifySignV2({ ...fields, total_amount: '39.01' })).toBe(false)
})

test('a POST form leads to the same cashier', async () => {
  const form = setup.sdk.pageExecute('alipay.trade.page.pay', 'POST', {
    notifyUrl: shop.url,
    bizContent: {
      outTradeNo: 'POST-1',
      totalAmount: '0.01',
      subject: '表单 form',
      productCode: 'FAST_INSTANT_TRADE_PAY',
    },
  })
  const action = /action="([^"]+)"/.exec(form)?.[1] ?? ''
  const inputs = [...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']): [string, string] => [name, value.replaceAll('&quot;', '"')],
  )
  const page = await walk(action, { method: 'POST', body: new URLSearchParams(inputs) })
  expect(page).toContain('data-testid="cashier-success"')
})

test('a trade exists only once the buyer has logged in; closing it ends it', async () => {
  const query = () =>
    setup.sdk.exec('alipay.trade.query', { bizContent: { outTradeNo: 'WAIT-1' } }, { validateSign: true })
  const opened = await fetch(payLink('WAIT-1'), { redirect: 'manual' })
  const address = new URL(opened.headers.get('location') ?? '', sandbox.url).href
  expect(await query()).toMatchObject({
    code: '40004',
    subCode: 'ACQ.TRADE_NOT_EXIST',
    outTradeNo: 'WAIT-1',
    receiptAmount: '0.00',
  })
  await fetch(`${address}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ login: 'buyer@sandbox.example', password: '111111' }),
  })
  expect(await query()).toMatchObject({ code: '10000', tradeStatus: 'WAIT_BUYER_PAY' })
  const close = () =>
    setup.sdk.exec('alipay.trade.close', { bizContent: { outTradeNo: 'WAIT-1' } }, { validateSign: true })
  expect(await close()).toMatchObject({ code: '10000' })
  expect(await query()).toMatchObject({ tradeStatus: 'TRADE_CLOSED' })
  expect(await close()).toMatchObject({ code: '40004', subCode: 'ACQ.TRADE_STATUS_ERROR' })
  const again = await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('WAIT-1') }, 409)
  expect(again).toMatchObject({ code: 'TRADE_HAS_CLOSE' })
})

test('a link whose time has passed is not paid', async () => {
  const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
  const beijing = (minutes: number) =>
    new Date(Date.parse(now) + 8 * 3_600_000 + minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ')
  const order = { out_trade_no: 'PAST-1', total_amount: '1.00', subject: 's', product_code: 'FAST_INSTANT_TRADE_PAY' }
  const link = signed(setup.merchant, {
    method: 'alipay.trade.page.pay',
    content: { ...order, time_expire: beijing(-1) },
    change: { timestamp: beijing(-31) },
  })
  const payUrl = `${sandbox.url}/gateway.do?${link}`
  expect(await call(sandbox.url, 'POST', '/pay', { payUrl }, 409)).toMatchObject({
    code: 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR',
  })
})

test('a program can bring a buyer to the cashier without paying, and get the password wrong there', async () => {
  const payUrl = payLink('ENTER-1')
  const trade = await call(sandbox.url, 'POST', '/enter', { payUrl })
  expect(trade).toMatchObject({ outTradeNo: 'ENTER-1', status: 'WAIT_BUYER_PAY', paidAt: null })
  // The same buyer gets back to the trade; another buyer does not.
  expect(await call(sandbox.url, 'POST', '/enter', { payUrl })).toMatchObject({ tradeNo: trade['tradeNo'] })
  await call(sandbox.url, 'POST', '/buyers', { login: 'late@sandbox.example' })
  const late = { payUrl, buyer: 'late@sandbox.example' }
  expect(await call(sandbox.url, 'POST', '/enter', late, 409)).toMatchObject({ code: 'TRADE_BUYER_NOT_MATCH' })

  const wrong = { paymentPassword: '222222' }
  const refused = { code: 'PAYMENT_PASSWORD_ERROR' }
  const path = `/trades/${trade['tradeNo']}/pay`
  expect(await call(sandbox.url, 'POST', path, wrong, 409)).toMatchObject(refused)
  expect(await call(sandbox.url, 'POST', '/pay', { payUrl, ...wrong }, 409)).toMatchObject(refused)
  expect(await call(sandbox.url, 'POST', path, { paymentPassword: '111111' })).toMatchObject({
    trade: { status: 'TRADE_SUCCESS' },
  })
  expect(await call(sandbox.url, 'POST', '/enter', { payUrl }, 409)).toMatchObject({ code: 'TRADE_HAS_SUCCESS' })
})

test('a trade of wap.pay exists from the right payment password on, not before', async () => {
  const content = { out_trade_no: 'WAP-1', total_amount: '1.00', subject: 's', product_code: 'QUICK_WAP_WAY' }
  const payUrl = `${sandbox.url}/gateway.do?${signed(setup.merchant, { method: 'alipay.trade.wap.pay', content })}`
  const state = async () => {
    const asked = await setup.sdk.exec('alipay.trade.query', { bizContent: { outTradeNo: 'WAP-1' } })
    return asked['subCode'] ?? asked['tradeStatus']
  }
  const opened = await fetch(payUrl, { redirect: 'manual' })
  const address = new URL(opened.headers.get('location') ?? '', sandbox.url).href
  const login = { login: 'buyer@sandbox.example', password: '111111' }
  const post = (step: string, fields: Record<string, string>, cookie = '') => {
    const body = new URLSearchParams(fields)
    return fetch(`${address}/${step}`, { method: 'POST', redirect: 'manual', headers: { cookie }, body })
  }
  const cookie = (await post('login', login)).headers.get('set-cookie')?.split(';', 1)[0] ?? ''
  const page = await (await fetch(address, { headers: { cookie } })).text()
  const formToken = /name="formToken" value="([^"]+)"/.exec(page)?.[1] ?? ''
  expect(await state()).toBe('ACQ.TRADE_NOT_EXIST')
  expect((await post('pay', { formToken, paymentPassword: '222222' }, cookie)).status).toBe(422)
  expect(await state()).toBe('ACQ.TRADE_NOT_EXIST')
  expect(await call(sandbox.url, 'POST', '/enter', { payUrl }, 409)).toMatchObject({ code: 'TRADE_NOT_CREATED' })
  const wrong = { payUrl, paymentPassword: '222222' }
  expect(await call(sandbox.url, 'POST', '/pay', wrong, 409)).toMatchObject({ code: 'PAYMENT_PASSWORD_ERROR' })
  expect(await state()).toBe('ACQ.TRADE_NOT_EXIST')
  // There was nothing to close, so the buyer can still pay.
  const closed = await setup.sdk.exec('alipay.trade.close', { bizContent: { outTradeNo: 'WAP-1' } })
  expect(closed).toMatchObject({ subCode: 'ACQ.TRADE_NOT_EXIST' })
  expect((await post('pay', { formToken, paymentPassword: '111111' }, cookie)).headers.get('location')).toMatch(
    /success$/,
  )
  expect(await state()).toBe('TRADE_SUCCESS')
})

test('inside WeChat’s browser neither the gateway’s page nor the cashier opens', async () => {
  const agent = { 'user-agent': 'Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.50' }
  const payUrl = payLink('INSIDE-1')
  const cashier = new URL((await fetch(payUrl, { redirect: 'manual' })).headers.get('location') ?? '', sandbox.url).href
  for (const address of [payUrl, cashier]) {
    const answer = await fetch(address, { headers: agent, redirect: 'manual' })
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('微信的浏览器屏蔽支付宝的页面')
  }
  // Only pages are blocked there: calls by programs come from no browser.
  const query = signed(setup.merchant, { method: 'alipay.trade.query', content: { out_trade_no: 'NONE' } })
  expect((await fetch(`${sandbox.url}/gateway.do?${query}`, { headers: agent })).status).toBe(200)
})

test('two hundred pay at once; the books agree', async () => {
  const { merchant, sdk } = await merchantWithSdk(sandbox.url)
  const links = Array.from({ length: 200 }, (_, index) =>
    sdk.pageExecute('alipay.trade.page.pay', 'GET', {
      notifyUrl: shop.url,
      bizContent: {
        outTradeNo: `MANY-${index}`,
        totalAmount: '1.23',
        subject: 's',
        productCode: 'FAST_INSTANT_TRADE_PAY',
      },
    }),
  )
  await Promise.all(links.map((payUrl) => call(sandbox.url, 'POST', '/pay', { payUrl })))
  const told = () =>
    shop.received.map((body) => fieldsOf(body)['out_trade_no'] ?? '').filter((number) => number.startsWith('MANY-'))
  await eventually(() => told().length).toBe(200)
  expect(new Set(told()).size).toBe(200)
  const summary = await call<{ items: Json[] }>(sandbox.url, 'GET', '/summary')
  expect(summary.items.find((item) => item['appId'] === merchant.appId)).toMatchObject({
    paidCount: 200,
    paidAmount: '246.00',
    netAmount: '246.00',
  })
})

test('a repeated number is paid if it was paid, and refused if its content changed', async () => {
  await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('AGAIN-1') })
  expect(await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('AGAIN-1') }, 409)).toMatchObject({
    code: 'TRADE_HAS_SUCCESS',
  })
  const opened = await fetch(payLink('AGAIN-2'), { redirect: 'manual' })
  const address = new URL(opened.headers.get('location') ?? '', sandbox.url).href
  await fetch(`${address}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ login: 'buyer@sandbox.example', password: '111111' }),
  })
  expect(await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('AGAIN-2', '38.00') }, 409)).toMatchObject({
    code: 'CONTEXT_INCONSISTENT',
  })
  await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('AGAIN-2') })
})
