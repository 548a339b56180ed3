/** Streams the orders of a search as a CSV file: a million rows with the memory of a thousand. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../../db/connect.ts'
import { csvHead, csvLine } from '../../http/csv.ts'
import { type OrderRowView, readRows } from './list.ts'
import type { OrderSearch } from './search.ts'
import { type Stretch, walkOrders } from './walk.ts'

const COLUMNS: readonly (readonly [title: string, value: (row: OrderRowView) => string])[] = [
  ['订单号 Order', (row) => row.orderNo],
  ['内容 Subject', (row) => row.subject],
  ['状态 Status', (row) => row.status],
  ['金额 Amount', (row) => row.totalAmount],
  ['已退 Refunded', (row) => row.refundedAmount],
  ['支付方式 Method', (row) => row.payType],
  ['交易号 Transaction number', (row) => row.tradeNo ?? ''],
  ['买家 Buyer', (row) => row.buyer.username],
  ['昵称 Display name', (row) => row.buyer.displayName],
  ['下单时间 Ordered', (row) => asCell(row.createdAt)],
  ['付款时间 Paid', (row) => asCell(row.paidAt)],
  ['退款明细 Refunds', (row) => row.refundsMade.map(({ at, amount }) => `${asCell(at)} ${amount}`).join('; ')],
]

/** `2026-11-23 16:43:21` in Beijing time, which spreadsheets read as a time. */
const asCell = (moment: string | null): string => moment?.slice(0, 19).replace('T', ' ') ?? ''

/** While payments are being handled, the export pauses after each page for this many times its duration. */
const PAUSE_FACTOR = 5
const MAX_PAUSE_MS = 1000

export interface Reading {
  /** Whether the client has disconnected; reading then stops. */
  readonly isGone: () => boolean
  /** Whether this process is handling payments. */
  readonly isBusy: () => boolean
}

/** The file in chunks of at most a thousand lines. The next page is read once the previous chunk was consumed. */
export async function* orderFile(
  db: Database,
  search: OrderSearch,
  stretch: Stretch,
  { isGone, isBusy }: Reading,
): AsyncGenerator<string> {
  yield csvHead(COLUMNS.map(([title]) => title))
  let began = performance.now()
  for await (const ids of walkOrders(db, search, stretch)) {
    const lines = (await readRows(db, ids)).map((row) => csvLine(COLUMNS.map(([, value]) => value(row)))).join('')
    if (isBusy()) await pause(Math.min(MAX_PAUSE_MS, PAUSE_FACTOR * (performance.now() - began)))
    if (isGone()) return
    if (lines) yield lines
    began = performance.now()
  }
}
