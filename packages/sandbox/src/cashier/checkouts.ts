/**
 * Opened payment pages: the request is stored so that the cashier can show it, survives a restart, and its time counts
 * from the first request.
 */
import { randomBytes } from 'node:crypto'
import type { PaymentRequest } from '../alipay/trades/trade.ts'
import type { Clock } from '../core/clock.ts'
import type { Database } from '../core/storage/database.ts'

export interface Checkout {
  readonly id: string
  readonly request: PaymentRequest
  /** When this number was first requested; `timeout_express` counts from here. */
  readonly firstAt: number
  /** Whether this page was paid, on any device. */
  readonly paid: boolean
}

export interface Checkouts {
  create(request: PaymentRequest): string
  find(id: string): Checkout | undefined
  markPaid(id: string): void
  /** When a seller's number was first requested; now, if never. */
  firstAt(sellerId: string, outTradeNo: string): number
}

export function openCheckouts(database: Database, clock: Clock): Checkouts {
  const insert = database.prepare(
    'insert into checkouts (id, app_id, seller_id, out_trade_no, request, first_at, created_at) values (?, ?, ?, ?, ?, ?, ?)',
  )
  const select = database.prepare<{ request: string; first_at: number; paid: number }>(
    'select request, first_at, paid from checkouts where id = ?',
  )
  const mark = database.prepare('update checkouts set paid = 1 where id = ?')
  const first = database.prepare<{ first_at: number }>(
    'select first_at from checkouts where seller_id = ? and out_trade_no = ? order by created_at limit 1',
  )
  const firstAt = (sellerId: string, outTradeNo: string) => first.get(sellerId, outTradeNo)?.first_at ?? clock.now()
  return {
    create(request) {
      const id = randomBytes(18).toString('base64url')
      const { outTradeNo } = request.order
      const since = firstAt(request.sellerId, outTradeNo)
      insert.run(id, request.appId, request.sellerId, outTradeNo, JSON.stringify(request), since, clock.now())
      return id
    },
    find(id) {
      const row = select.get(id)
      return (
        row && { id, request: JSON.parse(row.request) as PaymentRequest, firstAt: row.first_at, paid: row.paid === 1 }
      )
    },
    markPaid: (id) => void mark.run(id),
    firstAt,
  }
}
