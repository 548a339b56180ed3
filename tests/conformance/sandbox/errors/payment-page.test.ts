/** What the payment page refuses, in words and in GBK. */
import { describe, expect, test } from 'vitest'
import { type HandCall, signed } from '../hand.ts'
import type { Json } from '../rig.ts'
import { merchant, sandbox } from './rig.ts'

const GOODS = { goods_id: '1', goods_name: 'n', quantity: 1, price: '1.00' }

describe('the payment page refuses in GBK, in words', () => {
  const order = { out_trade_no: 'P-1', total_amount: '1.00', subject: 's', product_code: 'FAST_INSTANT_TRADE_PAY' }
  test.each<[string, string, Json, HandCall['afterwards']?]>([
    ['invalid-signature', 'app_id=', order, { sign: 'AAAA' }],
    ['invalid-app-id', '无效的AppID', order, { app_id: '1' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '0' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '1.001' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '100000000.01' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '-1' }],
    ['INVALID_PARAMETER', 'out_trade_no', { ...order, out_trade_no: 'x'.repeat(65) }],
    ['INVALID_PARAMETER', 'out_trade_no', { ...order, out_trade_no: '' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: '' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: '字'.repeat(257) }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: 'TCP/IP' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: 'a=b' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: 'Vue & React' }],
    ['INVALID_PARAMETER', 'product_code', { ...order, product_code: 'QUICK_WAP_WAY' }],
    ['INVALID_PARAMETER', 'timeout_express', { ...order, timeout_express: '1.5h' }],
    ['INVALID_PARAMETER', 'timeout_express', { ...order, timeout_express: '16d' }],
    ['INVALID_PARAMETER', 'time_expire', { ...order, time_expire: '2026/12/01' }],
    // The link says that it was made at 10:00:00.
    ['INVALID_PARAMETER', 'time_expire', { ...order, time_expire: '2026-11-23 10:00:59' }],
    ['INVALID_PARAMETER', 'body', { ...order, body: '字'.repeat(129) }],
    ['INVALID_PARAMETER', 'goods_type', { ...order, goods_type: '2' }],
    ['INVALID_PARAMETER', 'qr_pay_mode', { ...order, qr_pay_mode: '5' }],
    ['INVALID_PARAMETER', 'integration_type', { ...order, integration_type: 'APP' }],
    ['INVALID_PARAMETER', 'store_id', { ...order, store_id: 'x'.repeat(33) }],
    [
      'INVALID_PARAMETER',
      'goods_detail',
      { ...order, goods_detail: [{ goods_id: '1', goods_name: 'n', quantity: 1 }] },
    ],
    [
      'INVALID_PARAMETER',
      'disable_pay_channels',
      { ...order, enable_pay_channels: 'pcredit', disable_pay_channels: 'moneyFund' },
    ],
  ])('%s: %s', async (code, reason, content, afterwards) => {
    const response = await fetch(
      `${sandbox.url}/gateway.do?${signed(merchant, { method: 'alipay.trade.page.pay', content, ...(afterwards && { afterwards }) })}`,
    )
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html;charset=GBK')
    const text = new TextDecoder('gbk').decode(await response.arrayBuffer())
    expect(text).toContain('调试错误，请回到请求来源地，重新发起请求。')
    expect(text).toContain(`<dd>${code}</dd>`)
    expect(text).toContain(reason)
  })
  test('more goods than an order may have', async () => {
    const posted = async (goods: number) => {
      const content = { ...order, out_trade_no: `G-${goods}`, goods_detail: Array(goods).fill(GOODS) }
      const body = signed(merchant, { method: 'alipay.trade.page.pay', content })
      return fetch(`${sandbox.url}/gateway.do?charset=utf-8`, { method: 'POST', redirect: 'manual', body })
    }
    expect((await posted(150)).status).toBe(302)
    expect(new TextDecoder('gbk').decode(await (await posted(151)).arrayBuffer())).toContain('SUB_GOODS_SIZE_MAX_COUNT')
  })
})
