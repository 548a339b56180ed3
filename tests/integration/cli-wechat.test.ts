/** Both methods from the command line, against the sandbox of a running shop: the real program, its exit codes and output. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem, until } from '../harness/system.ts'

const ROOT = join(import.meta.dirname, '../..')
let system: System

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system?.stop())

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const wechat = (...args: string[]) => xuecheng('wechat', ...args)

function xuecheng(...args: string[]): Promise<Ran> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    DATA_DIR: system.dataDir,
    PORT: new URL(system.shopUrl).port,
    SANDBOX_PORT: new URL(system.sandboxUrl).port,
  }
  const program = [join(ROOT, 'apps/shop/bin/xuecheng.mjs'), ...args]
  return new Promise((done) => {
    execFile(process.execPath, program, { cwd: system.dataDir, env }, (error, stdout, stderr) =>
      done({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr }),
    )
  })
}

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await wechat(...args, '--json')
  expect(stderr).toBe('')
  return { code, data: JSON.parse(stdout) as Record<string, unknown> }
}

test('a refund from the command line is in the audit log and in the books of its order', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  const back = [...['--out-trade-no', body.orderNo, '--amount', '39.00'], ...['--request-no', 'CLI-BOOKED', '--json']]
  expect(await xuecheng('alipay', 'refund', ...back)).toMatchObject({ code: 0, stderr: '' })
  expect(await buyer.order(body.orderNo)).toMatchObject({ status: 'refunded', lines: [{ refunded: '39.00' }] })
  expect(await buyer.ownedIds()).toEqual([])
  // A repeat moves nothing, and books nothing twice.
  expect(await xuecheng('alipay', 'refund', ...back)).toMatchObject({ code: 0, stderr: '' })
  const books = await system.sql(`select status, amount_fen::int as fen from refunds where request_no = 'CLI-BOOKED'`)
  expect(books).toEqual([{ status: 'succeeded', fen: 3900 }])
  const log = await system.sql(
    `select subject, role, after ->> 'amount' as amount from audit_log where action = 'refund.command' and subject = $1`,
    [`trades/${body.orderNo}`],
  )
  const entry = { subject: `trades/${body.orderNo}`, role: 'shell', amount: '39.00' }
  expect(log).toEqual([entry, entry])
})

test('a refund from the command line is refused while another of the payment is on its way', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([2], '49.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  const fault = { kind: 'business-error', method: 'alipay.trade.refund', subCode: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' }
  await system.sandbox.send('POST', '/faults', { ...fault, times: 20 })
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const refund = { lines: [{ courseId: 2 }], amount: '49.00', reason: 'agreed' }
  expect((await staff.call('POST', `/api/admin/orders/${body.orderNo}/refunds`, refund)).status).toBe(201)
  const back = ['--out-trade-no', body.orderNo, '--amount', '49.00', '--request-no', 'CLI-SECOND']
  const refused = await xuecheng('alipay', 'refund', ...back)
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toMatch(/^xuecheng: \S+/)
  expect((await system.sandbox.trades(body.orderNo))[0]?.refundedAmount).toBe('0.00')
})

test('WeChat Pay: a payment is ordered, paid, queried, refunded and in the bill', async () => {
  const order = ['--out-trade-no', 'CLI-000001']
  const code = await wechat('pay-code', ...order, '--amount', '9.90', '--subject', '一门课')
  expect(code).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^weixin:\/\/wxpay\/bizpayurl\S+\n$/),
  })
  expect(await json('query', ...order)).toMatchObject({ code: 0, data: { exists: true, tradeState: 'NOTPAY' } })
  await system.sandbox.send('POST', '/wechat/pay', { link: code.stdout.trim() })
  const paid = await json('query', ...order)
  expect(paid.data).toMatchObject({
    tradeState: 'SUCCESS',
    totalAmount: '9.90',
    tradeNo: expect.stringMatching(/^\d+$/),
  })
  expect((await json('query', '--trade-no', String(paid.data['tradeNo']))).data).toEqual(paid.data)
  // A refusal is an answer: exit 1, with its meaning.
  const late = await json('close', ...order)
  expect(late).toMatchObject({ code: 1, data: { ok: false, code: 'ORDER_PAID', meaning: expect.any(String) } })
  const said = await wechat('close', ...order)
  expect([said.code, said.stdout]).toEqual([1, ''])
  expect(said.stderr).toMatch(/^xuecheng: ORDER_PAID .*\n$/)
  expect(paid.data['paidAt']).toMatch(/\+08:00$/)

  const back = await json('refund', ...order, '--amount', '4.00', '--request-no', 'CLI-R1', '--reason', '退课')
  expect(back).toMatchObject({ code: 0, data: { status: 'PROCESSING', refundAmount: '4.00', outRefundNo: 'CLI-R1' } })
  await until(
    () => json('refund-query', '--request-no', 'CLI-R1'),
    ({ data }) => data['status'] === 'SUCCESS',
  )
  expect(await json('refund-query', '--request-no', 'CLI-R2')).toMatchObject({ code: 1, data: { exists: false } })

  const { now } = await system.sandbox.get<{ now: string }>('/clock')
  await system.sandbox.nextMorning()
  const bill = await wechat('bill', '--date', now.slice(0, 10))
  expect(bill.stdout.split('\n').slice(0, 3)).toEqual([
    '2 rows',
    `payment\t${paid.data['tradeNo']}\tCLI-000001\t\t9.90`,
    `refund\t${paid.data['tradeNo']}\tCLI-000001\tCLI-R1\t4.00`,
  ])
})

test('Alipay: trades are printed in Beijing time, bills in yuan with column titles, refusals on stderr', async () => {
  const alipay = (...args: string[]) => xuecheng('alipay', ...args)
  const order = ['--out-trade-no', 'CLI-A00001']
  const link = (await alipay('pay-url', ...order, '--amount', '9.90', '--subject', '一门课')).stdout.trim()
  await system.sandbox.pay(link)
  const trade = JSON.parse((await alipay('query', ...order, '--json')).stdout) as Record<string, string>
  expect(trade).toMatchObject({ totalAmount: '9.90', sendPayDate: expect.stringMatching(/\+08:00$/) })
  const refused = await alipay('close', ...order)
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toMatch(/^xuecheng: ACQ\.\S+ .*\n$/)

  await system.sandbox.nextMorning()
  const day = trade['sendPayDate']?.slice(0, 10) ?? ''
  const [count, titles, row] = (await alipay('bill', '--date', day)).stdout.split('\n')
  expect(count).toBe('1 rows')
  expect(titles?.split('\t').slice(0, 6)).toEqual([
    'kind',
    'tradeNo',
    'outTradeNo',
    'refundRequestNo',
    'orderAmount',
    'receiptAmount',
  ])
  expect(row?.split('\t').slice(0, 6)).toEqual(['trade', trade['tradeNo'], 'CLI-A00001', '', '9.90', '9.90'])
})

test('an unpaid trade is closed; an unknown trade or a wrong option is reported in one line', async () => {
  await wechat('pay-code', '--out-trade-no', 'CLI-000002', '--amount', '1.00', '--subject', 'x')
  expect((await json('close', '--out-trade-no', 'CLI-000002')).code).toBe(0)
  expect((await json('query', '--out-trade-no', 'CLI-000002')).data).toMatchObject({ tradeState: 'CLOSED' })
  expect(await json('query', '--out-trade-no', 'CLI-000003')).toEqual({ code: 1, data: { exists: false } })
  for (const args of [['query'], ['refund', '--out-trade-no', 'CLI-000001', '--amount', '9.999'], ['bill']]) {
    const { code, stdout, stderr } = await wechat(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
})
