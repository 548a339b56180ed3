/** Query, refund, refund query, close and bill address: what is sent, and how each answer is read. */
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { newPair, signedAnswer } from '../test/alipay-side.ts'
import { billArchive } from '../test/bill.ts'
import answers from '../test/fixtures/answers.json' with { type: 'json' }
import { type Received, startGateway } from '../test/gateway.ts'
import { type Alipay, createAlipay } from './client.ts'
import { FieldError, GatewayRefusedError } from './errors.ts'
import {
  BILL_SUB_CODES,
  CLOSE_SUB_CODES,
  QUERY_SUB_CODES,
  REFUND_QUERY_SUB_CODES,
  REFUND_SUB_CODES,
} from './sub-codes.ts'

const merchant = newPair()
const alipay = newPair()

/** A client whose gateway answers everything with this node, signed. */
async function answering(node: string | object): Promise<{ client: Alipay; sent: () => Record<string, unknown> }> {
  const text = typeof node === 'string' ? node : JSON.stringify(node)
  const gateway = await startGateway((response: ServerResponse, { parameters }: Received) =>
    response.end(signedAnswer(parameters['method'] ?? '', text, alipay.privateKey)),
  )
  const client = createAlipay({
    appId: '2021000120612450',
    privateKey: merchant.privateKey,
    alipayPublicKey: alipay.publicKey,
    gateway: gateway.url,
    retries: 0,
  })
  return { client, sent: () => JSON.parse(gateway.received.at(-1)?.form.get('biz_content') ?? '{}') }
}

const failed = (sub_code: string, more: object = {}) => ({
  code: '40004',
  msg: 'Business Failed',
  sub_code,
  sub_msg: '失败',
  ...more,
})
const real = (method: string): string => answers.answers.find((each) => each.method === method)?.node ?? ''

describe('query', () => {
  test("Alipay's real answer", async () => {
    const { client, sent } = await answering(real('alipay.trade.query'))
    expect(await client.query({ outTradeNo: '1703141270' }, { queryOptions: ['fund_bill_list'] })).toMatchObject({
      exists: true,
      outTradeNo: '1703141270',
      tradeNo: '2023122122001499160501586202',
      tradeStatus: 'TRADE_SUCCESS',
      totalAmount: 1,
      sendPayDate: new Date('2023-12-21T06:48:36Z'),
      buyerLogonId: 'ifv***@sandbox.com',
      buyerUserId: '2088722003899169',
    })
    expect(sent()).toEqual({ out_trade_no: '1703141270', query_options: ['fund_bill_list'] })
  })

  test('a trade that does not exist, with the amounts that come with it', async () => {
    const { client } = await answering(failed('ACQ.TRADE_NOT_EXIST', { out_trade_no: 'N1', receipt_amount: '0.00' }))
    expect(await client.query({ outTradeNo: 'N1' })).toEqual({ exists: false })
  })

  test('how it was paid', async () => {
    const { client } = await answering({
      ...JSON.parse(real('alipay.trade.query')),
      fund_bill_list: [{ fund_channel: 'ALIPAYACCOUNT', amount: '0.01' }],
    })
    const trade = await client.query({ outTradeNo: '1703141270' })
    expect(trade).toMatchObject({ fundBillList: [{ fundChannel: 'ALIPAYACCOUNT', amount: 1 }] })
  })

  test('any other business refusal is thrown: it says nothing about the trade', async () => {
    const { client } = await answering(failed('ACQ.INVALID_PARAMETER'))
    await expect(client.query({ outTradeNo: 'N1' })).rejects.toThrow(GatewayRefusedError)
  })

  test('an invalid amount or state is not accepted', async () => {
    const good = JSON.parse(real('alipay.trade.query'))
    for (const bad of [{ total_amount: '1e2' }, { trade_status: 'PAID' }, { trade_no: undefined }]) {
      const { client } = await answering({ ...good, ...bad })
      await expect(client.query({ outTradeNo: '1703141270' })).rejects.toMatchObject({ name: 'UnknownOutcomeError' })
    }
  })

  test('neither number, or an invalid one', async () => {
    const { client } = await answering('{}')
    for (const trade of [{}, { outTradeNo: '' }, { outTradeNo: 'a b' }, { tradeNo: 'x'.repeat(65) }])
      await expect(client.query(trade)).rejects.toThrow(FieldError)
  })
})

describe('refund', () => {
  const refund = { outTradeNo: '1703141270', outRequestNo: 'R1', refundAmount: 1 }

  test("Alipay's real answer", async () => {
    const { client, sent } = await answering(real('alipay.trade.refund'))
    expect(await client.refund({ ...refund, refundReason: '不想学了' })).toMatchObject({
      ok: true,
      fundChange: true,
      refundFee: 1,
      sendBackFee: 0,
      gmtRefundPay: new Date('2023-12-22T06:19:12Z'),
      tradeNo: '2023122122001499160501586202',
    })
    expect(sent()).toEqual({
      out_trade_no: '1703141270',
      refund_amount: '0.01',
      out_request_no: 'R1',
      refund_reason: '不想学了',
    })
  })

  test('a repeat: success, without moving money', async () => {
    const { client } = await answering(real('alipay.trade.refund').replace('"fund_change":"Y"', '"fund_change":"N"'))
    expect(await client.refund(refund)).toMatchObject({ ok: true, fundChange: false, refundFee: 1 })
  })

  test('a success that does not say whether money moved is an unknown outcome', async () => {
    const { client } = await answering(real('alipay.trade.refund').replace('"fund_change":"Y",', ''))
    await expect(client.refund(refund)).rejects.toMatchObject({ name: 'UnknownOutcomeError' })
  })

  test('is refused before it is sent', async () => {
    const { client } = await answering('{}')
    for (const bad of [
      { refundAmount: 0 },
      { refundAmount: 0.5 },
      { outRequestNo: '' },
      { outRequestNo: 'x'.repeat(65) },
      { refundReason: 'x'.repeat(257) },
      { operatorId: 'x'.repeat(31) },
      { outTradeNo: undefined },
    ])
      await expect(client.refund({ ...refund, ...bad })).rejects.toThrow(FieldError)
  })

  for (const [subCode, { meaning, repeat }] of Object.entries(REFUND_SUB_CODES)) {
    if (subCode.endsWith('SYSTEM_ERROR')) continue
    test(`${subCode} is a value`, async () => {
      const { client } = await answering(failed(subCode, { refund_fee: '0.00', send_back_fee: '0.00' }))
      expect(await client.refund(refund)).toMatchObject({ ok: false, subCode, subMsg: '失败', meaning, repeat })
    })
  }

  test('an undocumented refusal must not be repeated unchanged', async () => {
    const { client } = await answering(failed('ACQ.BRAND_NEW'))
    expect(await client.refund(refund)).toMatchObject({ ok: false, subCode: 'ACQ.BRAND_NEW', repeat: 'changed' })
  })
})

describe('refund query', () => {
  const query = { outTradeNo: '1703141270', outRequestNo: '1703141270' }
  const made =
    '{"code":"10000","msg":"Success","out_request_no":"1703141270","out_trade_no":"1703141270","refund_amount":"0.01","refund_status":"REFUND_SUCCESS","total_amount":"0.01","trade_no":"2023122122001499160501586202"}'

  test('a refund that was made', async () => {
    const { client, sent } = await answering(made)
    expect(await client.refundQuery({ ...query, queryOptions: ['gmt_refund_pay'] })).toMatchObject({
      ok: true,
      refunded: true,
      refundAmount: 1,
      totalAmount: 1,
    })
    expect(sent()).toEqual({
      out_trade_no: '1703141270',
      out_request_no: '1703141270',
      query_options: ['gmt_refund_pay'],
    })
  })

  test('success without any field means that no refund was made', async () => {
    const { client } = await answering('{"code":"10000","msg":"Success"}')
    expect(await client.refundQuery(query)).toMatchObject({ ok: true, refunded: false })
  })

  test('an answer about another refund of the trade is not trusted', async () => {
    const { client } = await answering(made.replace('"out_request_no":"1703141270"', '"out_request_no":"R2"'))
    await expect(client.refundQuery(query)).rejects.toMatchObject({ name: 'UnknownOutcomeError' })
  })

  for (const subCode of Object.keys(REFUND_QUERY_SUB_CODES).filter((each) => !each.endsWith('SYSTEM_ERROR'))) {
    test(`${subCode} is a value`, async () => {
      const { client } = await answering(failed(subCode))
      expect(await client.refundQuery(query)).toMatchObject({ ok: false, subCode })
    })
  }
})

describe('close', () => {
  test("Alipay's real answer", async () => {
    const { client, sent } = await answering(
      '{"code":"10000","msg":"Success","out_trade_no":"1703226647","trade_no":"2023122222001499160501602106"}',
    )
    expect(await client.close({ outTradeNo: '1703226647', operatorId: 'staff' })).toMatchObject({ ok: true })
    expect(sent()).toEqual({ out_trade_no: '1703226647', operator_id: 'staff' })
  })

  for (const subCode of Object.keys(CLOSE_SUB_CODES).filter((each) => !each.endsWith('SYSTEM_ERROR'))) {
    test(`${subCode} is a value`, async () => {
      const { client } = await answering(failed(subCode, { out_trade_no: 'N1' }))
      expect(await client.close({ outTradeNo: 'N1' })).toMatchObject({ ok: false, subCode })
    })
  }
})

describe("the bill's address", () => {
  test('is returned unchanged, its slashes unescaped', async () => {
    const { client, sent } = await answering(
      '{"code":"10000","msg":"Success","bill_download_url":"http:\\/\\/dwbillcenter.alipay.com\\/downloadBillFile.resource?bizType=trade"}',
    )
    expect(await client.billUrl({ billType: 'trade', billDate: '2026-11-22' })).toEqual({
      ok: true,
      url: 'http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade',
      empty: false,
    })
    expect(sent()).toEqual({ bill_type: 'trade', bill_date: '2026-11-22' })
  })

  test('an empty file', async () => {
    const { client } = await answering({
      code: '10000',
      bill_download_url: 'https://x.example/a',
      bill_file_code: 'EMPTY_DATA_WITH_BILL_FILE',
    })
    expect(await client.billUrl({ billType: 'signcustomer', billDate: '2026-10' })).toMatchObject({ empty: true })
  })

  test('a missing or invalid address', async () => {
    for (const more of [{}, { bill_download_url: 'file:///etc/passwd' }]) {
      const { client } = await answering({ code: '10000', ...more })
      await expect(client.billUrl({ billType: 'trade', billDate: '2026-11-22' })).rejects.toMatchObject({
        name: 'UnknownOutcomeError',
      })
    }
  })

  test('an invalid date', async () => {
    const { client } = await answering('{}')
    for (const billDate of ['', '2026', '2026-1-1', '20261122'])
      await expect(client.billUrl({ billType: 'trade', billDate })).rejects.toThrow(FieldError)
  })

  for (const subCode of Object.keys(BILL_SUB_CODES).filter((each) => each !== 'UNKNOWN_ERROR')) {
    test(`${subCode} is a value, for the archive and the rows too`, async () => {
      const { client } = await answering(failed(subCode))
      const refusal = { ok: false, subCode }
      expect(await client.billUrl({ billType: 'trade', billDate: '2026-11-22' })).toMatchObject(refusal)
      expect(await client.downloadBill({ billType: 'trade', billDate: '2026-11-22' })).toMatchObject(refusal)
      expect(await client.tradeBill('2026-11-22')).toMatchObject(refusal)
    })
  }
})

describe('the bill itself', () => {
  /** A gateway that returns an address of its own, and the archive there. */
  async function billed(
    answer: (response: ServerResponse) => void,
  ): Promise<{ client: Alipay; agents: () => unknown[] }> {
    const host = await startGateway((response) => answer(response))
    const node = { code: '10000', msg: 'Success', bill_download_url: host.url }
    const { client } = await answering(node)
    return { client, agents: () => host.received.map(({ headers }) => headers['user-agent']) }
  }

  test('is requested, downloaded and read in one call', async () => {
    const { client, agents } = await billed((response) => response.end(billArchive()))
    expect(await client.tradeBill('2019-09-16')).toMatchObject({ account: '20880000000000000156', rows: [{}, {}] })
    expect(await client.downloadBill({ billType: 'trade', billDate: '2019-09-16' })).toEqual(billArchive())
    expect(agents()[0]).toMatch(/^Mozilla/)
  })

  test('of another day is refused', async () => {
    const { client } = await billed((response) => response.end(billArchive()))
    for (const billDate of ['2019-09-17', '2019-09'])
      await expect(client.tradeBill(billDate)).rejects.toMatchObject({ code: 'BILL_OF_ANOTHER_DATE' })
  })

  test('an expired link is reported', async () => {
    const { client } = await billed((response) => response.end('<html>下载超时，请重新下载</html>'))
    await expect(client.tradeBill('2019-09-16')).rejects.toMatchObject({ name: 'BillError', code: 'BILL_LINK_EXPIRED' })
  })
})

describe('any other method', () => {
  test("Alipay's real answer to precreate", async () => {
    const { client, sent } = await answering(real('alipay.trade.precreate'))
    const answer = await client.execute<{ qr_code: string }>('alipay.trade.precreate', { out_trade_no: '1704093802' })
    expect(answer).toMatchObject({
      code: '10000',
      values: { qr_code: 'https://qr.alipay.com/bax07651xvtprxfkmxyf00a9' },
    })
    expect(sent()).toEqual({ out_trade_no: '1704093802' })
  })

  test('one in progress, and one that is refused, are answers', async () => {
    expect(
      await (await answering({ code: '10003', msg: 'order success pay inprocess' })).client.execute(
        'alipay.trade.pay',
        {},
      ),
    ).toMatchObject({ code: '10003' })
    expect(await (await answering(failed('ACQ.X'))).client.execute('alipay.trade.pay', {})).toMatchObject({
      subCode: 'ACQ.X',
    })
  })
})

test('every documented refusal has a meaning and says whether to repeat', () => {
  for (const table of [QUERY_SUB_CODES, REFUND_SUB_CODES, REFUND_QUERY_SUB_CODES, CLOSE_SUB_CODES, BILL_SUB_CODES])
    for (const entry of Object.values(table))
      expect(entry).toMatchObject({
        meaning: expect.stringMatching(/\w/),
        repeat: expect.stringMatching(/same|changed|never/),
      })
})
