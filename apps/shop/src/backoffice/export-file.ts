/** An export as the file that it becomes: its columns, and its pieces one after the other, a million rows in little memory. */
import type { Database } from '../database/connect.ts'
import { csvHead, csvLine } from '../http/csv.ts'
import type { OrderRowView } from './orders.ts'

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

export const fileHead = (): string => csvHead(COLUMNS.map(([title]) => title))

export const fileLines = (rows: readonly OrderRowView[]): string =>
  rows.map((row) => csvLine(COLUMNS.map(([, value]) => value(row)))).join('')

/** @throws Error where the pieces are not all there any more: better a download that fails than a file that lacks its end */
export async function* readFile(db: Database, { id, bytes }: { id: number; bytes: number }): AsyncGenerator<Buffer> {
  let left = bytes
  for (let after = -1; left > 0; ) {
    const piece = await db
      .selectFrom('export_pieces')
      .select(['step', 'body'])
      .where('export_id', '=', id)
      .where('step', '>', after)
      .orderBy('step')
      .limit(1)
      .executeTakeFirst()
    if (!piece) throw new Error(`The file of export ${id} was removed while it was downloaded`)
    const body = Buffer.from(piece.body)
    left -= body.length
    after = piece.step
    yield body
  }
}
