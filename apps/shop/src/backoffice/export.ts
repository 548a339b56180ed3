/** Orders as a CSV file that spreadsheets open with Chinese intact: streamed page by page, a million rows in little memory. */
import type { Database } from '../database/connect.ts'
import { csvHead, csvLine } from '../http/csv.ts'
import { findOrderIds, type OrderSearch } from './find-orders.ts'
import { type OrderRowView, readRows } from './orders.ts'

const PAGE = 1000

const COLUMNS: readonly (readonly [title: string, value: (row: OrderRowView) => string])[] = [
  ['订单号 Order', (row) => row.orderNo],
  ['内容 Subject', (row) => row.subject],
  ['状态 Status', (row) => row.status],
  ['金额 Amount', (row) => row.totalAmount],
  ['已退 Refunded', (row) => row.refundedAmount],
  ['支付方式 Method', (row) => row.payType],
  ['交易号 Trade number', (row) => row.tradeNo ?? ''],
  ['买家 Buyer', (row) => row.buyer.username],
  ['昵称 Display name', (row) => row.buyer.displayName],
  ['下单时间 Ordered', (row) => asCell(row.createdAt)],
  ['付款时间 Paid', (row) => asCell(row.paidAt)],
]

/** `2026-11-23 16:43:21`, in Beijing: what a spreadsheet reads as a time. */
const asCell = (moment: string | null): string => moment?.slice(0, 19).replace('T', ' ') ?? ''

/** Newest first. */
export async function* exportOrders(db: Database, search: Omit<OrderSearch, 'cursor'>): AsyncGenerator<string> {
  yield csvHead(COLUMNS.map(([title]) => title))
  for (let before: number | undefined; ; ) {
    const ids = await findOrderIds(db, search, PAGE, before)
    if (ids.length === 0) return
    const rows = await readRows(db, ids)
    yield rows.map((row) => csvLine(COLUMNS.map(([, value]) => value(row)))).join('')
    before = ids.at(-1)
    if (ids.length < PAGE) return
  }
}
