/** What the proof calls wrong about a refund that was refused: only one that gateway and books could still make. */
import { expect, test } from 'vitest'
import type { Gateway, ShopBooks } from '../../prove/books.ts'
import { checkBooks } from '../../prove/check.ts'

const PRICE = 900

/** A WeChat trade, which stays `TRADE_SUCCESS` however much of it was refunded, and a refund of one line. */
function unfinishedAfter({ refundedThere, lineHeld }: { refundedThere: number; lineHeld: number }): readonly string[] {
  const shop = {
    orders: [],
    attempts: [{ id: 1, order_id: 1, attempt_no: 'a', status: 'paid', trade_no: 't', ask_at: null }],
    lines: [{ order_id: 1, course_id: 7, price: PRICE, refunded: lineHeld }],
    enrolments: [],
    refunds: [
      { id: 1, request_no: 'r', order_id: 1, attempt_id: 1, amount: 100, status: 'refused', refusal: 'CLOSED' },
    ],
    refundLines: [{ refund_id: 1, order_id: 1, course_id: 7, amount: 100 }],
    unmatched: [],
    notifications: [],
    history: [],
    deadJobs: 0,
  } as unknown as ShopBooks
  const trade = { trade_no: 't', out_trade_no: 'a', status: 'TRADE_SUCCESS', total: 1500, refunded: refundedThere }
  const gateway = { trades: [trade], refunds: [], deliveries: [], acknowledged: [] } as unknown as Gateway
  const verdicts = checkBooks(shop, gateway, [], 0)
  return verdicts.find(({ invariant }) => invariant === 'nothing is left unfinished')?.broken ?? ['no such verdict']
}

test('a refund that could still be made was refused unnecessarily', () => {
  expect(unfinishedAfter({ refundedThere: 0, lineHeld: 0 })).toEqual(['refund r was refused unnecessarily: CLOSED'])
})

test('a refund made under another number may stay refused: of the whole trade, or of its line', () => {
  expect(unfinishedAfter({ refundedThere: 1500, lineHeld: 0 })).toEqual([])
  expect(unfinishedAfter({ refundedThere: PRICE, lineHeld: PRICE })).toEqual([])
})
