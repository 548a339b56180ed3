/** WeChat Pay's refunds in the database. */
import type { Clock } from '../../core/clock.ts'
import { type Fen, toFen } from '../../core/money.ts'
import type { Database } from '../../core/storage/database.ts'

export type WechatRefundStatus = 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL'

export interface WechatRefund {
  readonly id: number
  readonly refundId: string
  readonly tradeId: number
  readonly mchId: string
  readonly outRefundNo: string
  readonly amount: Fen
  readonly status: WechatRefundStatus
  readonly reason: string
  readonly notifyUrl: string | undefined
  readonly dueAt: number
  readonly createdAt: number
  readonly successAt: number | undefined
}

export type WechatRefunds = ReturnType<typeof openWechatRefunds>

type Row = {
  id: number
  refund_id: string
  trade_id: number
  mch_id: string
  out_refund_no: string
  amount: number
  status: string
  reason: string
  notify_url: string | null
  due_at: number
  created_at: number
  success_at: number | null
}

export function openWechatRefunds(database: Database, clock: Clock) {
  const select = database.prepare<Row>('select * from wechat_refunds where id = ?')
  const selectNumber = database.prepare<Row>('select * from wechat_refunds where mch_id = ? and out_refund_no = ?')
  const selectOf = database.prepare<Row>('select * from wechat_refunds where trade_id = ? order by id')
  const insert = database.prepare(
    `insert into wechat_refunds (refund_id, trade_id, mch_id, out_refund_no, amount, status, reason, notify_url, due_at, created_at)
     values (?, ?, ?, ?, ?, 'PROCESSING', ?, ?, ?, ?)`,
  )
  const end = database.prepare(
    "update wechat_refunds set status = ?, success_at = ? where id = ? and status in ('PROCESSING', 'ABNORMAL')",
  )
  const selectProcessing = database.prepare<{ id: number; due_at: number }>(
    "select id, due_at from wechat_refunds where status = 'PROCESSING'",
  )
  const selectBetween = database.prepare<Row>(
    'select * from wechat_refunds where mch_id = ? and created_at >= ? and created_at < ? order by id',
  )

  return {
    find: (id: number) => read(select.get(id)),
    findByNumber: (mchId: string, outRefundNo: string) => read(selectNumber.get(mchId, outRefundNo)),
    /** A trade's refunds, the oldest first. */
    of: (tradeId: number) => selectOf.all(tradeId).map(fromRow),
    create(refund: Omit<WechatRefund, 'id' | 'status' | 'successAt'>): WechatRefund {
      const { lastId } = insert.run(
        refund.refundId,
        refund.tradeId,
        refund.mchId,
        refund.outRefundNo,
        refund.amount,
        refund.reason,
        refund.notifyUrl ?? null,
        refund.dueAt,
        refund.createdAt,
      )
      return { ...refund, id: lastId, status: 'PROCESSING', successAt: undefined }
    },
    /** False if it has ended before. */
    end: (id: number, status: WechatRefundStatus): boolean =>
      end.run(status, status === 'SUCCESS' ? clock.now() : null, id).changes === 1,
    /** Accepted from `from` until before `until`. */
    between: (mchId: string, from: number, until: number) => selectBetween.all(mchId, from, until).map(fromRow),
    processing: () => selectProcessing.all().map((row) => ({ id: row.id, at: row.due_at })),
  }
}

const read = (row: Row | undefined): WechatRefund | undefined => row && fromRow(row)

const fromRow = (row: Row): WechatRefund => ({
  id: row.id,
  refundId: row.refund_id,
  tradeId: row.trade_id,
  mchId: row.mch_id,
  outRefundNo: row.out_refund_no,
  amount: toFen(row.amount),
  status: row.status as WechatRefundStatus,
  reason: row.reason,
  notifyUrl: row.notify_url ?? undefined,
  dueAt: row.due_at,
  createdAt: row.created_at,
  successAt: row.success_at ?? undefined,
})
