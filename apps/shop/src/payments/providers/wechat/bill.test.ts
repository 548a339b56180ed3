import { BillError, type Refusal, type TradeBill, type TradeBillRow } from '@xuecheng/wechatpay'
import { expect, test } from 'vitest'
import { readBill } from './bill.ts'

test('a refund that is on its way or stuck when the bill is made is in it; one that was closed is not', async () => {
  const row = (outRefundNo: string, refundStatus: string) =>
    ({
      ...{ kind: outRefundNo ? 'refund' : 'payment', time: new Date(0), transactionId: 't', outTradeNo: 'a' },
      ...{ outRefundNo, refundStatus, total: 3900, refund: 3900, fee: 23 },
    }) as TradeBillRow
  const statuses = ['SUCCESS', 'PROCESSING', 'CHANGE', 'FAIL']
  const rows = [row('', ''), ...statuses.map((status) => row(`r-${status}`, status))]
  const file: Pick<TradeBill, 'day' | 'rows'> = { day: '2026-11-22', rows }
  const bill = await readBill(file.day, new Date('2026-11-23T12:00:00+08:00'), async () => file as TradeBill, String)
  expect(bill.state === 'ready' && bill.lines.map(({ requestNo }) => requestNo)).toEqual([
    ...['', 'r-SUCCESS', 'r-PROCESSING', 'r-CHANGE'],
  ])
})

test('"no such bill" means early, no trades, or too old', async () => {
  const at = (code: string, time: string) =>
    readBill('2026-11-22', new Date(`${time}+08:00`), async () => ({ ok: false, code }) as Refusal<string>, String)
  expect(await at('NO_STATEMENT_EXIST', '2026-11-23T00:00:05')).toEqual({ state: 'not yet' })
  expect(await at('NO_STATEMENT_EXIST', '2026-11-23T12:00:00')).toEqual({ state: 'none' })
  for (const code of ['NO_STATEMENT_EXIST', 'INVALID_REQUEST', 'PARAM_ERROR'])
    expect(await at(code, '2027-02-23T12:00:00')).toEqual({ state: 'not offered' })
  await expect(at('INVALID_REQUEST', '2026-11-25T12:00:00')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
})

test('a fee keeps its sign, and a bill that contradicts itself is not one that cannot be fetched', async () => {
  const row = (given: Partial<TradeBillRow>) => given as TradeBillRow
  const rows = [
    row({ kind: 'payment', total: 13800, fee: 83 }),
    row({ kind: 'refund', outRefundNo: 'r', refund: 13800, fee: -83 }),
  ]
  const file: Partial<TradeBill> = { rows, summary: { fee: 0 } as TradeBill['summary'] }
  const now = new Date('2026-11-23T12:00:00+08:00')
  const bill = await readBill('2026-11-22', now, async () => file as TradeBill, String)
  expect(bill.state === 'ready' && [bill.lines.map(({ fee }) => fee), bill.summary]).toEqual([[83, -83], { fee: 0 }])
  const disagrees = async () => {
    throw new BillError('BILL_DISAGREES', 'fee')
  }
  expect(await readBill('2026-11-22', now, disagrees, String)).toEqual({ state: 'contradictory' })
})

test('a row names the merchant by its application', async () => {
  const row = (appId: string) => ({ kind: 'payment', total: 1, fee: 0, appId }) as TradeBillRow
  const file: Partial<TradeBill> = { rows: [row('wx1'), row('wx2')] }
  const now = new Date('2026-11-23T12:00:00+08:00')
  const bill = await readBill(
    '2026-11-22',
    now,
    async () => file as TradeBill,
    (appId) => `m ${appId}`,
  )
  expect(bill.state === 'ready' && bill.lines.map(({ merchant }) => merchant)).toEqual(['m wx1', 'm wx2'])
})
