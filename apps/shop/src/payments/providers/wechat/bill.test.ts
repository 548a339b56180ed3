import type { TradeBill, TradeBillRow } from '@xuecheng/wechatpay'
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
  const bill = await readBill(file.day, new Date('2026-11-23T12:00:00+08:00'), async () => file as TradeBill)
  expect(bill.state === 'ready' && bill.lines.map(({ requestNo }) => requestNo)).toEqual([
    ...['', 'r-SUCCESS', 'r-PROCESSING', 'r-CHANGE'],
  ])
})
