/** Bills: downloaded, checked by their hash, read to the fen, and refused when anything in them disagrees. */
import { createVerify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { billServer, DAY_BILL, PAYMENT_ROW, REFUND_ROW, tradeBill } from '../test/bill.ts'
import { merchant, newClient, refused, startServer, thrown } from '../test/wechat-side.ts'
import { BillError, FieldError } from './errors.ts'
import { readFundFlowBill } from './fund-flow-bill.ts'
import { readTradeBill } from './trade-bill.ts'

const DAY = '2026-01-01'
const read = (text: string, day = DAY) => readTradeBill(text, day, '1900000001')

describe('fetching', () => {
  test('both requests are signed, the file is unpacked and its hash checked', async () => {
    const server = await startServer(billServer(DAY_BILL))
    const bill = await newClient(server.url).tradeBill(DAY)
    expect(bill).toMatchObject({ day: DAY, rows: [{ kind: 'payment' }, { kind: 'refund' }] })
    expect(server.received.map(({ target }) => target)).toEqual([
      '/v3/bill/tradebill?bill_date=2026-01-01&bill_type=ALL&tar_type=GZIP',
      '/v3/billdownload/file?token=a%2Fb&tartype=gzip',
    ])
    for (const { target, headers } of server.received) {
      const part = (name: string) => new RegExp(`${name}="([^"]+)"`).exec(headers.authorization ?? '')?.[1] ?? ''
      const text = `GET\n${target}\n${part('timestamp')}\n${part('nonce_str')}\n\n`
      const isOurs = createVerify('RSA-SHA256').update(text).verify(merchant.publicKey, part(',signature'), 'base64')
      expect(isOurs).toBe(true)
    }
  })

  test('with a byte order mark and Windows line ends, unpacked', async () => {
    const file = `\uFEFF${DAY_BILL.replaceAll('\n', '\r\n')}`
    const server = await startServer(billServer(file, { packed: false }))
    expect(await newClient(server.url).tradeBill(DAY)).toMatchObject({ rows: [{}, {}], summary: { count: 2 } })
  })

  test('no bill for the day, and a bill that is not ready', async () => {
    for (const [code, repeat] of [
      ['NO_STATEMENT_EXIST', 'never'],
      ['STATEMENT_CREATING', 'same'],
    ] as const) {
      const server = await startServer((response) => refused(response, 400, code))
      expect(await newClient(server.url).tradeBill(DAY)).toMatchObject({ ok: false, code, repeat })
      expect(await newClient(server.url).fundFlowBill(DAY)).toMatchObject({ ok: false, code, repeat })
    }
  })

  test('a file that does not match its announcement', async () => {
    const of = async (...given: Parameters<typeof billServer>) => {
      const server = await startServer(billServer(...given))
      return thrown(() => newClient(server.url).tradeBill(DAY, { maxBytes: 100_000 }))
    }
    expect(await of(DAY_BILL, { hash: 'a'.repeat(40) })).toMatchObject({ code: 'BILL_DAMAGED' })
    expect(await of(DAY_BILL, { status: 403 })).toMatchObject({ code: 'BILL_NOT_DOWNLOADED' })
    expect(await of('x'.repeat(100_001))).toMatchObject({ code: 'BILL_TOO_LARGE' })
    expect(await of('x'.repeat(100_001), { packed: false })).toMatchObject({ code: 'BILL_NOT_DOWNLOADED' })
    expect(await of(Buffer.from([0x1f, 0x8b, 1, 2]), { packed: false })).toMatchObject({ code: 'BILL_DAMAGED' })
    expect(await of(Buffer.from([0xff, 0xfe, 0]))).toMatchObject({ code: 'BILL_NOT_UNDERSTOOD' })
    expect(await of('')).toMatchObject({ code: 'BILL_NOT_UNDERSTOOD' })
  })

  test('invalid days', async () => {
    const client = newClient('http://127.0.0.1:9')
    for (const day of ['2026-02-30', '20260101', '2026-1-1', '2026-01-01&bill_type=REFUND', ''])
      expect(await thrown(() => client.tradeBill(day)), day).toBeInstanceOf(FieldError)
  })
})

describe('reading', () => {
  test('a payment and a refund', () => {
    const { rows, summary } = read(DAY_BILL)
    expect(rows[0]).toEqual({
      kind: 'payment',
      time: new Date('2026-01-01T04:05:30Z'),
      appId: 'wx0000000000000001',
      mchId: '1900000001',
      transactionId: '4200002300202601011234567890',
      outTradeNo: 'ORD20260101000001',
      openid: 'oSimUser000000000000000000001',
      tradeType: 'NATIVE',
      bank: 'OTHERS',
      currency: 'CNY',
      total: 19900,
      settlementTotal: 19900,
      coupon: 0,
      refundId: '',
      outRefundNo: '',
      refund: 0,
      settlementRefund: 0,
      couponRefund: 0,
      refundChannel: '',
      refundStatus: '',
      description: 'TypeScript course',
      attach: '',
      fee: 119,
      feeRate: '0.60%',
    })
    expect(rows[1]).toMatchObject({
      kind: 'refund',
      total: 0,
      refund: 5000,
      refundId: '50303400132026010212345678901',
      outRefundNo: 'RFD20260102000001',
      refundChannel: 'ORIGINAL',
      refundStatus: 'SUCCESS',
      fee: -30,
    })
    expect(summary).toEqual({
      count: 2,
      total: 19900,
      settlementTotal: 19900,
      refund: 5000,
      settlementRefund: 5000,
      couponRefund: 0,
      fee: 89,
    })
  })

  test('totals in the other ways that WeChat writes them', () => {
    const totals = ['`2.0,`199.0,`50,`0.0,`0.89,`199.00,`50.00', '`1,`199.00,`50.00,`0.00,`1.19000,`199.00,`50.00']
    for (const each of totals) expect(read(tradeBill([PAYMENT_ROW, REFUND_ROW], each)).summary.total).toBe(19900)
  })

  test('a day without a row', () => {
    expect(read(tradeBill([], '`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00'))).toMatchObject({ rows: [] })
  })

  test('names that contain cell separators', () => {
    const of = (name: string) =>
      read(tradeBill([PAYMENT_ROW.replace('TypeScript course', name)], '`1,`199.00,`0.00,`0.00,`1.19000,`199.00,`0.00'))
        .rows[0]
    expect(of('a,b\\,c')).toMatchObject({ description: 'a,b\\,c', total: 19900 })
    expect(of('a,`b,`c')).toMatchObject({ description: 'a,`b,`c', total: 19900, fee: 119 })
  })

  describe('is refused:', () => {
    const cases: Readonly<Record<string, readonly [code: string, text: string]>> = {
      'no bill': ['BILL_NOT_UNDERSTOOD', 'hello'],
      'other columns': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace('微信订单号,商户订单号', '商户订单号,微信订单号')],
      'truncated before its totals': ['BILL_NOT_UNDERSTOOD', DAY_BILL.slice(0, DAY_BILL.indexOf('总交易单数'))],
      'truncated within its totals': ['BILL_NOT_UNDERSTOOD', DAY_BILL.slice(0, -15)],
      'a row without a cell': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace(',`NATIVE', '')],
      'a row without backquotes': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace('`2026-01-01 12', '2026-01-01 12')],
      'an unknown state': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace('`SUCCESS,`OTHERS', '`NEW,`OTHERS')],
      'an amount in thousandths': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace('`1.19000', '`1.19100')],
      'another currency': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace('`CNY', '`USD')],
      'a refund without its number': ['BILL_NOT_UNDERSTOOD', DAY_BILL.replace('`RFD20260102000001', '`0')],
      'another day': ['BILL_OF_ANOTHER_DATE', DAY_BILL.replaceAll('2026-01-01', '2026-01-02')],
      'another merchant': ['BILL_OF_ANOTHER_MERCHANT', DAY_BILL.replaceAll('`1900000001', '`1900000002')],
      'a missing row': ['BILL_DISAGREES', DAY_BILL.replace(`${REFUND_ROW}\n`, '')],
      'a duplicate row': ['BILL_DISAGREES', DAY_BILL.replace(REFUND_ROW, `${REFUND_ROW}\n${REFUND_ROW}`)],
      'a changed amount': ['BILL_DISAGREES', DAY_BILL.replace('`0.60%,`199.00', '`0.60%,`198.00')],
      'a changed refund': ['BILL_DISAGREES', DAY_BILL.replace('`0.00,`50.00,`', '`0.00,`50.01,`')],
      'a changed fee': ['BILL_DISAGREES', DAY_BILL.replace('`1.19000', '`1.20000')],
      'a changed total': ['BILL_DISAGREES', DAY_BILL.replace('`0.89000,`199.00', '`0.89000,`199.01')],
    }
    for (const [what, [code, text]] of Object.entries(cases)) {
      test(what, async () => {
        expect(text).not.toBe(DAY_BILL)
        const error = await thrown(() => read(text))
        expect(error).toBeInstanceOf(BillError)
        expect(error).toMatchObject({ code })
      })
    }
  })
})

describe('the fund flow', () => {
  const TITLES =
    '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号'
  const bill = (totals: string) =>
    [
      TITLES,
      '`2026-01-01 12:05:31,`4200002300202601011234567890,`4200002300202601011234567890,`交易,`交易,`收入,`199.00,`299.00,`system,`结算总金额 199.00 元,`S1',
      '`2026-01-01 12:05:31,`4200002300202601011234567890,`4200002300202601011234567891,`交易,`扣除交易手续费,`支出,`1.19,`297.81,`system,`结算总金额 199.00 元;手续费,`S2',
      '`2026-01-01 13:00:00,`50303400132026010212345678901,`4200002300202601011234567890,`退款,`退款,`支出,`49.70,`248.11,`1900000001API,`退款总金额50.00元;含手续费0.30元,`S3',
      '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额',
      totals,
      '',
    ].join('\n')
  const whole = bill('`3,`1,`199.00,`2,`50.89')

  test('is fetched and read', async () => {
    const server = await startServer(billServer(whole))
    const flow = await newClient(server.url).fundFlowBill(DAY, { accountType: 'BASIC' })
    expect(flow).toMatchObject({
      day: DAY,
      summary: { count: 3, inCount: 1, inAmount: 19900, outCount: 2, outAmount: 5089 },
      rows: [
        { direction: 'in', amount: 19900, balance: 29900, type: '交易' },
        { direction: 'out', amount: 119, type: '扣除交易手续费' },
        { direction: 'out', amount: 4970, submittedBy: '1900000001API', voucherNo: 'S3' },
      ],
    })
    expect(server.received[0]?.target).toBe(
      '/v3/bill/fundflowbill?bill_date=2026-01-01&account_type=BASIC&tar_type=GZIP',
    )
  })

  test('with full-width brackets', () => {
    expect(readFundFlowBill(whole.replaceAll('(元)', '（元）'), DAY).rows).toHaveLength(3)
  })

  test('is refused when it disagrees with itself or covers another day', async () => {
    for (const totals of [
      '`2,`1,`199.00,`2,`50.89',
      '`3,`2,`199.00,`1,`50.89',
      '`3,`1,`199.01,`2,`50.89',
      '`3,`1,`199.00,`2,`50.88',
    ])
      expect(await thrown(() => readFundFlowBill(bill(totals), DAY))).toMatchObject({ code: 'BILL_DISAGREES' })
    expect(await thrown(() => readFundFlowBill(whole, '2026-01-02'))).toMatchObject({ code: 'BILL_OF_ANOTHER_DATE' })
    expect(await thrown(() => readFundFlowBill(whole.replace('`收入', '`转账'), DAY))).toMatchObject({
      code: 'BILL_NOT_UNDERSTOOD',
    })
  })
})
