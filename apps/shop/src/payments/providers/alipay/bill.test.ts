import { BillError, type BillRow, type BusinessRefusal, type TradeBill } from '@xuecheng/alipay'
import { expect, test } from 'vitest'
import { readBill } from './bill.ts'

const refused = (subCode: string, time: string) =>
  readBill(
    '2026-11-22',
    new Date(`${time}+08:00`),
    async () => ({ ok: false, subCode }) as BusinessRefusal<string>,
    undefined,
  )

test('a day without a bill had no trades once bills are made, and not in the hours before', async () => {
  expect(await refused('NO_BILL_DATA', '2026-11-22T23:59:59')).toEqual({ state: 'not yet' })
  expect(await refused('NO_BILL_DATA', '2026-11-23T00:00:05')).toEqual({ state: 'not yet' })
  expect(await refused('NO_BILL_DATA', '2026-11-23T11:59:59')).toEqual({ state: 'not yet' })
  expect(await refused('NO_BILL_DATA', '2026-11-23T12:00:00')).toEqual({ state: 'none' })
})

test('a bill that is not there days later is not waited for', async () => {
  expect(await refused('BILL_NOT_EXIST', '2026-11-24T12:00:00')).toEqual({ state: 'not yet' })
  expect(await refused('BILL_NOT_EXIST', '2026-12-01T12:00:00')).toEqual({ state: 'not offered' })
  expect(await refused('isv.invalid_arguments', '2033-12-01T12:00:00')).toEqual({ state: 'not offered' })
  // After years, "no data" may mean that they are no longer kept.
  expect(await refused('NO_BILL_DATA', '2033-12-01T12:00:00')).toEqual({ state: 'not offered' })
})

const row = (kind: 'trade' | 'refund', yuan: number, serviceFee: number) =>
  ({ kind, tradeNo: 't', outTradeNo: 'a', refundRequestNo: 'r', orderAmount: yuan * 100, serviceFee }) as BillRow

const feesOf = async (...rows: BillRow[]) => {
  const bill = { rows, summary: { total: { serviceFee: -23 } } } as unknown as TradeBill
  const read = await readBill('2026-11-22', new Date('2026-11-23T12:00:00+08:00'), async () => bill, 60)
  if (read.state !== 'ready') throw new Error('there is no bill')
  return { fees: read.lines.map(({ fee }) => fee), summary: read.summary }
}

test('a fee that came back with a refund is not charged: 138 and 39 sold, 138 refunded, at 0.60 %', async () => {
  const sold = [row('trade', 138, -83), row('trade', 39, -23)]
  const { fees, summary } = await feesOf(...sold, row('refund', -138, 83))
  expect(fees).toEqual([83, 23, -83])
  expect(fees.reduce((sum, fee) => sum + fee, 0)).toBe(23)
  expect(summary).toMatchObject({ serviceFee: -23 })
  // The same, written with the other sign; and a day on which fees only came back.
  expect((await feesOf(row('trade', 138, 83), row('refund', -138, -83))).fees).toEqual([83, -83])
  expect((await feesOf(row('refund', -138, 83))).fees).toEqual([-83])
})

test('a bill that contradicts itself is not one that cannot be fetched', async () => {
  const failed = (code: string) => async () => {
    throw new BillError(code, code)
  }
  const now = new Date('2026-11-23T12:00:00+08:00')
  expect(await readBill('2026-11-22', now, failed('BILL_DISAGREES'), 60)).toEqual({ state: 'contradictory' })
  await expect(readBill('2026-11-22', now, failed('BILL_ARCHIVE_DAMAGED'), 60)).rejects.toMatchObject({
    code: 'GATEWAY_UNAVAILABLE',
  })
})
