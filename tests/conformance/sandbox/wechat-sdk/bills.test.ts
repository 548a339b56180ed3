/** Bills, as another client of WeChat Pay reads them. */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { call } from '../rig.ts'
import { orderOf, otherClient, sendByHand, type WechatMerchant, wechatMerchant } from '../wechat-rig.ts'
import { advance, get, number, post, refusal, sandbox, scan, shop } from './rig.ts'

test('bills: what they say of a day, their hash, their address good for five minutes', async () => {
  const own = await wechatMerchant(sandbox.url, { rules: { feeRate: 60, billHour: 0 } })
  const using = otherClient(sandbox.url, own)
  const no = number()
  const { data: made } = await post('/v3/pay/transactions/native', orderOf(own, no, shop.url), using)
  await scan(made['code_url'])
  const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
  const day = now.slice(0, 10)
  expect(await refusal(get('/v3/bill/tradebill', { bill_date: day }, using))).toMatchObject({ status: 400 })
  await advance(86_400)
  for (const kind of ['tradebill', 'fundflowbill']) {
    for (const packing of [{}, { tar_type: 'GZIP' }]) {
      const { hash_value: hash, download_url: address } = await get(
        `/v3/bill/${kind}`,
        { bill_date: day, ...packing },
        using,
      )
      const { pathname, searchParams } = new URL(String(address))
      const fetched = async () =>
        using.client.request(pathname, 'get', undefined, {
          params: Object.fromEntries(searchParams),
          responseType: 'arraybuffer',
        })
      const { data: file } = await fetched()
      const bytes = 'tar_type' in packing ? gunzipSync(file as Buffer) : Buffer.from(file as Buffer)
      expect(createHash('sha1').update(bytes).digest('hex')).toBe(hash)
      if (kind === 'fundflowbill') {
        await advance(301)
        expect(await refusal(fetched())).toMatchObject({ status: 400 })
        continue
      }
      expect(bytes.toString()).toContain(`\`${no},`)
    }
  }
  const empty = await refusal(
    get(
      '/v3/bill/tradebill',
      { bill_date: day },
      otherClient(sandbox.url, await wechatMerchant(sandbox.url, { rules: { billHour: 0 } })),
    ),
  )
  expect(empty).toEqual({ status: 400, code: 'NO_STATEMENT_EXIST' })
})

describe('a bill of each type', () => {
  let own: WechatMerchant
  let day: string

  beforeAll(async () => {
    own = await wechatMerchant(sandbox.url, { rules: { feeRate: 60, billHour: 0 } })
    const using = otherClient(sandbox.url, own)
    const no = number()
    const { data: made } = await post('/v3/pay/transactions/native', orderOf(own, no, shop.url), using)
    await scan(made['code_url'])
    const amount = { refund: 1000, total: 3900, currency: 'CNY' }
    await post('/v3/refund/domestic/refunds', { out_trade_no: no, out_refund_no: `${no}-R`, amount }, using)
    const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    day = now.slice(0, 10)
    await advance(86_400)
  })

  /** Headings, rows, summary headings and summary of a bill, as cells. */
  async function bill(type: string) {
    const path = `/v3/bill/tradebill?bill_date=${day}&bill_type=${type}`
    const { json } = await sendByHand(sandbox.url, own, { method: 'GET', path })
    const { pathname, search } = new URL(String(json['download_url']))
    const { text } = await sendByHand(sandbox.url, own, { method: 'GET', path: `${pathname}${search}` })
    const lines = text.replace('\uFEFF', '').trimEnd().split('\r\n')
    const cells = lines.map((line) => (line.startsWith('`') ? line.slice(1).split(',`') : line.split(',')))
    return { titles: cells[0] ?? [], rows: cells.slice(1, -2), sums: cells.at(-2) ?? [], totals: cells.at(-1) ?? [] }
  }

  test('ALL: 27 columns, what came and what went back', async () => {
    const { titles, rows, totals } = await bill('ALL')
    expect([titles.length, ...rows.map((row) => row.length)]).toEqual([27, 27, 27])
    expect(totals).toEqual(['2', '39.00', '10.00', '0.00', '0.17000', '39.00', '10.00'])
  })

  test('SUCCESS: 20 columns without those of refunds, four sums', async () => {
    const { titles, rows, sums, totals } = await bill('SUCCESS')
    expect(titles).toHaveLength(20)
    expect(titles.filter((title) => title.includes('退款'))).toEqual([])
    expect(titles.slice(-7)).toEqual(['代金券金额', '商品名称', '商户数据包', '手续费', '费率', '订单金额', '费率备注'])
    expect(rows).toEqual([expect.arrayContaining(['SUCCESS', '39.00', '0.23000', '0.60%'])])
    expect(rows[0]).toHaveLength(20)
    expect(sums).toEqual(['总交易单数', '应结订单总金额', '手续费总金额', '订单总金额'])
    expect(totals).toEqual(['1', '39.00', '0.23000', '39.00'])
  })

  test('REFUND: as ALL with when it was asked for and when it was made', async () => {
    const { titles, rows, totals } = await bill('REFUND')
    expect(titles.slice(13, 18)).toEqual(['代金券金额', '退款申请时间', '退款成功时间', '微信退款单号', '商户退款单号'])
    const [row = []] = rows
    expect([titles.length, row.length, rows.length]).toEqual([29, 29, 1])
    for (const at of [14, 15]) expect(row[at]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(totals).toEqual(['1', '0.00', '10.00', '0.00', '-0.06000', '0.00', '10.00'])
  })
})
