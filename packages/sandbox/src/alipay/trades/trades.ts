/** Trades in the database: queries, creation, state transitions, and a history with times. */
import type { Clock } from '../../core/clock.ts'
import { type Fen, toFen } from '../../core/money.ts'
import type { Database } from '../../core/storage/database.ts'
import { type History, openHistory } from '../../core/storage/history.ts'
import { newTradeNo, type PaymentRequest, type Trade, type TradeStatus } from './trade.ts'

export interface TradeFilter {
  readonly appId?: string | undefined
  readonly outTradeNo?: string | undefined
  readonly status?: string | undefined
  /** Only trades created before this row; see `TradePage.next`. */
  readonly before?: number | undefined
  readonly limit: number
}

export interface Takings {
  readonly appId: string
  readonly paidCount: number
  readonly paid: Fen
  readonly refundCount: number
  readonly refunded: Fen
}

export interface Trades extends TradeQueries, TradeChanges, History<string> {}

interface TradeQueries {
  find(tradeNo: string): Trade | undefined
  findByNumber(sellerId: string, outTradeNo: string): Trade | undefined
  list(filter: TradeFilter): { readonly items: Trade[]; readonly next: number | undefined }
  /** Unpaid trades, with the time they close or are paid. */
  waiting(): { readonly tradeNo: string; readonly expiresAt: number; readonly paysAt: number | undefined }[]
  /** Refundable trades of an application paid at or before an instant. */
  paidUntil(appId: string, at: number): Trade[]
  /** Trades of a seller paid from `from` until before `until`, in order of payment. */
  paidBetween(sellerId: string, from: number, until: number): Trade[]
  /** Paid and refunded totals per merchant. */
  takings(): Takings[]
}

interface TradeChanges {
  /** Creates a trade in WAIT_BUYER_PAY for a buyer at the cashier. */
  create(request: PaymentRequest, buyerId: string, expiresAt: number): Trade
  /** Changes a trade's state; undefined if it is no longer in the given state. */
  move(trade: Trade, to: TradeStatus): Trade | undefined
  /** Adds to the refunded amount; false if it would exceed the total. */
  addRefund(tradeNo: string, amount: Fen): boolean
  /** Records that a confirmed payment happens later. */
  payLater(tradeNo: string, at: number): void
  /** Records Alipay's fee of a payment. */
  charge(tradeNo: string, fee: Fen): void
}

type Row = {
  id: number
  trade_no: string
  app_id: string
  seller_id: string
  out_trade_no: string
  buyer_id: string
  status: string
  total: number
  refunded: number
  subject: string
  request: string
  expires_at: number
  created_at: number
  paid_at: number | null
  closed_at: number | null
  pays_at: number | null
  fee: number
}

export function openTrades(database: Database, clock: Clock): Trades {
  return {
    ...openQueries(database),
    ...openChanges(database, clock),
    ...openHistory<string>(database, clock, 'trade_events', 'trade_no'),
  }
}

function openQueries(database: Database): TradeQueries {
  const select = database.prepare<Row>('select * from trades where trade_no = ?')
  const selectNumber = database.prepare<Row>('select * from trades where seller_id = ? and out_trade_no = ?')
  const selectPage = database.prepare<Row>(
    `select * from trades where (?1 is null or app_id = ?1) and (?2 is null or out_trade_no = ?2)
       and (?3 is null or status = ?3) and (?4 is null or id < ?4) order by id desc limit ?5`,
  )
  const selectWaiting = database.prepare<{ trade_no: string; expires_at: number; pays_at: number | null }>(
    "select trade_no, expires_at, pays_at from trades where status = 'WAIT_BUYER_PAY' order by expires_at",
  )
  const selectPaidUntil = database.prepare<Row>(
    "select * from trades where app_id = ? and paid_at <= ? and status = 'TRADE_SUCCESS' order by paid_at, id",
  )
  const selectPaidBetween = database.prepare<Row>(
    'select * from trades where seller_id = ? and paid_at >= ? and paid_at < ? order by paid_at, id',
  )
  const selectTakings = database.prepare<{
    app_id: string
    count: number
    paid: number
    refunds: number
    refunded: number
  }>(
    `select app_id, count(*) as count, sum(total) as paid, sum(refunded > 0) as refunds, sum(refunded) as refunded
       from trades where paid_at is not null group by app_id`,
  )
  return {
    find: (tradeNo) => read(select.get(tradeNo)),
    findByNumber: (sellerId, outTradeNo) => read(selectNumber.get(sellerId, outTradeNo)),
    list({ appId, outTradeNo, status, before, limit }) {
      const rows = selectPage.all(appId ?? null, outTradeNo ?? null, status ?? null, before ?? null, limit + 1)
      const items = rows.slice(0, limit)
      return { items: items.map(fromRow), next: rows.length > limit ? items.at(-1)?.id : undefined }
    },
    waiting: () =>
      selectWaiting
        .all()
        .map((row) => ({ tradeNo: row.trade_no, expiresAt: row.expires_at, paysAt: row.pays_at ?? undefined })),
    paidUntil: (appId, at) => selectPaidUntil.all(appId, at).map(fromRow),
    paidBetween: (sellerId, from, until) => selectPaidBetween.all(sellerId, from, until).map(fromRow),
    takings: () =>
      selectTakings.all().map((row) => ({
        appId: row.app_id,
        paidCount: row.count,
        paid: toFen(row.paid),
        refundCount: row.refunds,
        refunded: toFen(row.refunded),
      })),
  }
}

function openChanges(database: Database, clock: Clock): TradeChanges {
  const insert = database.prepare(
    `insert into trades (trade_no, app_id, seller_id, out_trade_no, buyer_id, status, total, subject, request, expires_at, created_at)
     values (?, ?, ?, ?, ?, 'WAIT_BUYER_PAY', ?, ?, ?, ?, ?)`,
  )
  const update = database.prepare(
    'update trades set status = ?, paid_at = ?, closed_at = ? where trade_no = ? and status = ?',
  )
  const later = database.prepare('update trades set pays_at = ? where trade_no = ?')
  const refund = database.prepare(
    'update trades set refunded = refunded + ?1 where trade_no = ?2 and refunded + ?1 <= total',
  )
  const charge = database.prepare('update trades set fee = ? where trade_no = ?')
  return {
    create(request, buyerId, expiresAt) {
      const { order } = request
      const now = clock.now()
      const tradeNo = newTradeNo(now)
      insert.run(
        tradeNo,
        request.appId,
        request.sellerId,
        order.outTradeNo,
        buyerId,
        order.total,
        order.subject,
        JSON.stringify(request),
        expiresAt,
        now,
      )
      return {
        tradeNo,
        appId: request.appId,
        sellerId: request.sellerId,
        outTradeNo: order.outTradeNo,
        buyerId,
        status: 'WAIT_BUYER_PAY',
        total: order.total,
        refunded: toFen(0),
        subject: order.subject,
        request,
        expiresAt,
        createdAt: now,
        paidAt: undefined,
        closedAt: undefined,
        fee: toFen(0),
        paysAt: undefined,
      }
    },
    move(trade, to) {
      const now = clock.now()
      const paidAt = trade.paidAt ?? (to === 'TRADE_SUCCESS' || to === 'TRADE_FINISHED' ? now : undefined)
      const closedAt = to === 'TRADE_CLOSED' ? now : undefined
      const { changes } = update.run(to, paidAt ?? null, closedAt ?? null, trade.tradeNo, trade.status)
      return changes === 1 ? { ...trade, status: to, paidAt, closedAt } : undefined
    },
    addRefund: (tradeNo, amount) => refund.run(amount, tradeNo).changes === 1,
    charge: (tradeNo, fee) => void charge.run(fee, tradeNo),
    payLater: (tradeNo, at) => void later.run(at, tradeNo),
  }
}

function read(row: Row | undefined): Trade | undefined {
  return row && fromRow(row)
}

function fromRow(row: Row): Trade {
  return {
    tradeNo: row.trade_no,
    appId: row.app_id,
    sellerId: row.seller_id,
    outTradeNo: row.out_trade_no,
    buyerId: row.buyer_id,
    status: row.status as TradeStatus,
    total: toFen(row.total),
    refunded: toFen(row.refunded),
    subject: row.subject,
    request: JSON.parse(row.request) as PaymentRequest,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    paidAt: row.paid_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
    fee: toFen(row.fee),
    paysAt: row.pays_at ?? undefined,
  }
}
