/** Random books on both sides with planted differences: exactly those are found, in whatever order the lines come. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayBefore, dayOf, endOf, isDay, midnight } from '../beijing-day.ts'
import { type Fen, toFen } from '../money.ts'
import { newNumber } from '../orders/number.ts'
import type { BillLine } from '../payments/contract.ts'
import { compareBooks, type OurPayment, type OurRefund } from './compare.ts'

const PLANTS = [
  'none',
  'PAID_THERE_UNPAID_HERE',
  'PAID_HERE_UNPAID_THERE',
  'AMOUNT_DIFFERS',
  'UNKNOWN_TRADE',
  'FEE_DIFFERS',
  'another trade',
  'listed',
  'listed otherwise',
  'ANOTHER_APPLICATION',
  'BILLED_TWICE',
  'REFUND_MISSING_HERE',
  'REFUND_MISSING_THERE',
  'REFUND_AMOUNT_DIFFERS',
  'refunded',
] as const

const entry = fc.record({ plant: fc.constantFrom(...PLANTS), fen: fc.integer({ min: 10, max: 1_000_000 }) })

const at = new Date('2026-11-23T04:00:00Z')

function books(entries: readonly { plant: (typeof PLANTS)[number]; fen: number }[]) {
  const bill: BillLine[] = []
  const payments: OurPayment[] = []
  const refunds: OurRefund[] = []
  const listed = new Map<string, Fen[]>()
  const planted: string[] = []
  const numbers = new Map<string, number>()
  for (const [index, { plant, fen }] of entries.entries()) {
    const amount = toFen(fen)
    const [tradeNo, requestNo] = [`t${index}`, `r${index}`]
    const attemptNo = plant === 'ANOTHER_APPLICATION' && fen % 2 === 0 ? `${index}` : newNumber(new Date(index))
    numbers.set(attemptNo, index)
    const line: BillLine = { kind: 'payment', tradeNo, attemptNo, requestNo: '', amount, fee: 0, expectedFee: 0, at }
    const ours: OurPayment = { attemptNo, tradeNo, orderId: index, amount, paid: true, due: true }
    const back: BillLine = { kind: 'refund', tradeNo, attemptNo, requestNo, amount, fee: 0, at }
    const returned: OurRefund = { requestNo, attemptNo, tradeNo, orderId: index, amount, state: 'succeeded', due: true }
    const another = plant === 'ANOTHER_APPLICATION' && fen % 2 === 1 ? { isOfAnotherApplication: true } : {}
    if (plant !== 'PAID_HERE_UNPAID_THERE')
      bill.push(plant === 'FEE_DIFFERS' ? { ...line, fee: 2 } : { ...line, ...another })
    if (plant === 'BILLED_TWICE') bill.push({ ...line, amount: toFen(fen + 1) })
    if (plant === 'PAID_THERE_UNPAID_HERE') payments.push({ ...ours, tradeNo: null, paid: false, due: false })
    else if (plant === 'AMOUNT_DIFFERS') payments.push({ ...ours, amount: toFen(fen - 1) })
    else if (plant === 'another trade') payments.push({ ...ours, tradeNo: 'other', due: false })
    else if (plant === 'listed') listed.set(tradeNo, [amount])
    else if (plant === 'listed otherwise') listed.set(tradeNo, [toFen(fen - 1)])
    else if (plant !== 'UNKNOWN_TRADE' && plant !== 'ANOTHER_APPLICATION') payments.push(ours)
    if (plant === 'refunded' || plant === 'REFUND_MISSING_HERE') bill.push(back)
    if (plant === 'REFUND_AMOUNT_DIFFERS') bill.push({ ...back, amount: toFen(fen - 1) })
    if (['refunded', 'REFUND_MISSING_THERE', 'REFUND_AMOUNT_DIFFERS'].includes(plant)) refunds.push(returned)
    if (plant === 'another trade') planted.push(`UNKNOWN_TRADE ${index}`)
    else if (plant === 'listed otherwise') planted.push(`AMOUNT_DIFFERS ${index}`)
    else if (!['none', 'listed', 'refunded'].includes(plant)) planted.push(`${plant} ${index}`)
  }
  return { bill, ours: { payments, refunds, listed }, planted, numbers }
}

test('exactly what was planted is found, in whatever order the lines come', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const { bill, ours, planted, numbers } = books(entries)
      const found = compareBooks(bill, ours)
      expect(found.map(({ kind, attemptNo }) => `${kind} ${numbers.get(attemptNo)}`).sort()).toEqual(planted.sort())
      const mixed = { ...ours, payments: ours.payments.toReversed(), refunds: ours.refunds.toReversed() }
      expect(compareBooks(bill.toReversed(), mixed)).toEqual(found)
    }),
  )
})

test('a fee may be off by the rounding of a fen, and without a rate it is not checked', () => {
  const line: BillLine = {
    kind: 'payment',
    tradeNo: 't',
    attemptNo: 'a',
    requestNo: '',
    amount: toFen(100),
    fee: 1,
    at,
  }
  const ours: OurPayment = { attemptNo: 'a', tradeNo: 't', orderId: 1, amount: toFen(100), paid: true, due: true }
  const books_ = { payments: [ours], refunds: [], listed: new Map<string, Fen[]>() }
  expect(compareBooks([{ ...line, expectedFee: 0 }], books_)).toEqual([])
  expect(compareBooks([{ ...line, fee: 50 }], books_)).toEqual([])
  expect(compareBooks([{ ...line, expectedFee: 3 }], books_)).toMatchObject([
    { kind: 'FEE_DIFFERS', ours: 3, theirs: 1 },
  ])
})

test('days are Beijing days, wherever the server stands', () => {
  expect(dayOf(new Date('2026-11-22T16:00:00Z'))).toBe('2026-11-23')
  expect(dayOf(new Date('2026-11-22T15:59:59Z'))).toBe('2026-11-22')
  expect(midnight('2026-11-23').toISOString()).toBe('2026-11-22T16:00:00.000Z')
  expect(endOf('2026-12-31').toISOString()).toBe('2026-12-31T16:00:00.000Z')
  expect(dayBefore('2027-01-01')).toBe('2026-12-31')
  expect(['2026-02-29', '2026-13-01', '26-01-01', '2028-02-29'].map(isDay)).toEqual([false, false, false, true])
})
