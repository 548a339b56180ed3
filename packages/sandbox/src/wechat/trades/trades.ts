/** WeChat Pay's trades in the database: queries, creation, state transitions, and a history with times. */
import type { Clock } from '../../core/clock.ts'
import { type Fen, toFen } from '../../core/money.ts'
import type { Database } from '../../core/storage/database.ts'
import { openHistory } from '../../core/storage/history.ts'

export type WechatState = 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED'
export type TradeType = 'NATIVE' | 'MWEB' | 'JSAPI'

/** The fields of an order call; two calls that differ in any of them are different orders. */
export interface WechatOrder {
  readonly mchId: string
  readonly appId: string
  readonly outTradeNo: string
  readonly tradeType: TradeType
  readonly total: Fen
  readonly description: string
  readonly attach: string | undefined
  readonly notifyUrl: string
  /** `time_expire` as written. */
  readonly timeExpire: string | undefined
  readonly openid: string | undefined
  /** Of an H5 payment: the client's address, as the merchant states it. */
  readonly payerClientIp?: string | undefined
}

export interface WechatTrade extends WechatOrder {
  readonly id: number
  readonly state: WechatState
  readonly refunded: Fen
  readonly prepayId: string | undefined
  readonly code: string | undefined
  /** Until when the newest link can be opened. */
  readonly linkUntil: number | undefined
  readonly transactionId: string | undefined
  readonly buyerId: string | undefined
  readonly fee: Fen
  readonly paysAt: number | undefined
  readonly expiresAt: number
  readonly createdAt: number
  readonly paidAt: number | undefined
  readonly closedAt: number | undefined
}

export type WechatTrades = ReturnType<typeof openWechatTrades>

type Row = {
  id: number
  mch_id: string
  out_trade_no: string
  app_id: string
  trade_type: string
  state: string
  total: number
  refunded: number
  description: string
  request: string
  prepay_id: string | null
  code: string | null
  link_until: number | null
  transaction_id: string | null
  buyer_id: string | null
  fee: number
  pays_at: number | null
  expires_at: number
  created_at: number
  paid_at: number | null
  closed_at: number | null
}

export const openWechatTrades = (database: Database, clock: Clock) => ({
  ...openQueries(database),
  ...openChanges(database, clock),
  ...openHistory<number>(database, clock, 'wechat_trade_events', 'trade_id'),
})

function openQueries(database: Database) {
  const select = database.prepare<Row>('select * from wechat_trades where id = ?')
  const selectNumber = database.prepare<Row>('select * from wechat_trades where mch_id = ? and out_trade_no = ?')
  const selectTransaction = database.prepare<Row>('select * from wechat_trades where transaction_id = ?')
  const selectCode = database.prepare<Row>('select * from wechat_trades where code = ? or prepay_id = ?')
  const selectPage = database.prepare<Row>(
    `select * from wechat_trades where (?1 is null or mch_id = ?1) and (?2 is null or out_trade_no = ?2)
       and (?3 is null or state = ?3) and (?4 is null or id < ?4) order by id desc limit ?5`,
  )
  const selectPaying = database.prepare<{ id: number; pays_at: number }>(
    "select id, pays_at from wechat_trades where state = 'NOTPAY' and pays_at is not null",
  )
  const selectWaiting = database.prepare<{ id: number; created_at: number }>(
    "select id, created_at from wechat_trades where state = 'NOTPAY'",
  )
  const selectPaidBetween = database.prepare<Row>(
    'select * from wechat_trades where mch_id = ? and paid_at >= ? and paid_at < ? order by paid_at, id',
  )
  const selectTakings = database.prepare<{
    mch_id: string
    count: number
    paid: number
    refunds: number
    refunded: number
  }>(
    `select mch_id, count(*) as count, sum(total) as paid, sum(refunded > 0) as refunds, sum(refunded) as refunded
       from wechat_trades where paid_at is not null group by mch_id`,
  )
  return {
    find: (id: number) => read(select.get(id)),
    findByNumber: (mchId: string, outTradeNo: string) => read(selectNumber.get(mchId, outTradeNo)),
    findByTransaction: (transactionId: string) => read(selectTransaction.get(transactionId)),
    /** By the scanned code, or the prepay_id. */
    findByLink: (text: string) => read(selectCode.get(text, text)),
    list(filter: {
      mchId?: string | undefined
      outTradeNo?: string | undefined
      state?: string | undefined
      before?: number | undefined
      limit: number
    }) {
      const { mchId, outTradeNo, state, before, limit } = filter
      const rows = selectPage.all(mchId ?? null, outTradeNo ?? null, state ?? null, before ?? null, limit + 1)
      const items = rows.slice(0, limit)
      return { items: items.map(fromRow), next: rows.length > limit ? items.at(-1)?.id : undefined }
    },
    paying: () => selectPaying.all().map((row) => ({ id: row.id, at: row.pays_at })),
    /** Unpaid trades. */
    waiting: () => selectWaiting.all().map((row) => ({ id: row.id, at: row.created_at })),
    /** Paid from `from` until before `until`, in order of payment. */
    paidBetween: (mchId: string, from: number, until: number) => selectPaidBetween.all(mchId, from, until).map(fromRow),
    takings: () =>
      selectTakings.all().map((row) => ({
        mchId: row.mch_id,
        paidCount: row.count,
        paid: toFen(row.paid),
        refundCount: row.refunds,
        refunded: toFen(row.refunded),
      })),
  }
}

function openChanges(database: Database, clock: Clock) {
  const insert = database.prepare(
    `insert into wechat_trades (mch_id, out_trade_no, app_id, trade_type, state, total, description, request, expires_at, created_at, closed_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const link = database.prepare('update wechat_trades set prepay_id = ?, code = ?, link_until = ? where id = ?')
  const pay = database.prepare(
    `update wechat_trades set state = 'SUCCESS', transaction_id = ?, buyer_id = ?, fee = ?, paid_at = ?, pays_at = null
     where id = ? and state = 'NOTPAY'`,
  )
  const later = database.prepare('update wechat_trades set pays_at = ?, buyer_id = ? where id = ?')
  const close = database.prepare(
    "update wechat_trades set state = 'CLOSED', closed_at = ? where id = ? and state = 'NOTPAY'",
  )
  const refunding = database.prepare(
    `update wechat_trades set state = 'REFUND', refunded = refunded + ?1
     where id = ?2 and state in ('SUCCESS', 'REFUND') and refunded + ?1 <= total`,
  )
  const giveBack = database.prepare('update wechat_trades set refunded = refunded - ? where id = ?')
  return {
    /** Creates an unpaid trade, or a closed one for a number that was closed without ever being ordered. */
    create(order: WechatOrder, expiresAt: number, state: 'NOTPAY' | 'CLOSED'): number {
      const now = clock.now()
      const { lastId } = insert.run(
        order.mchId,
        order.outTradeNo,
        order.appId,
        order.tradeType,
        state,
        order.total,
        order.description,
        JSON.stringify(order),
        expiresAt,
        now,
        state === 'CLOSED' ? now : null,
      )
      return lastId
    },
    link: (id: number, prepayId: string, code: string | undefined, until: number) =>
      void link.run(prepayId, code ?? null, until, id),
    /** False if it is no longer unpaid. */
    pay: (id: number, transactionId: string, buyerId: string, fee: Fen): boolean =>
      pay.run(transactionId, buyerId, fee, clock.now(), id).changes === 1,
    payLater: (id: number, at: number, buyerId: string) => void later.run(at, buyerId, id),
    close: (id: number): boolean => close.run(clock.now(), id).changes === 1,
    /** False if the total would exceed the payment. */
    addRefund: (id: number, amount: Fen): boolean => refunding.run(amount, id).changes === 1,
    takeBackRefund: (id: number, amount: Fen) => void giveBack.run(amount, id),
  }
}

const read = (row: Row | undefined): WechatTrade | undefined => row && fromRow(row)

function fromRow(row: Row): WechatTrade {
  const order = JSON.parse(row.request) as WechatOrder
  return {
    ...order,
    id: row.id,
    total: toFen(row.total),
    state: row.state as WechatState,
    refunded: toFen(row.refunded),
    prepayId: row.prepay_id ?? undefined,
    code: row.code ?? undefined,
    linkUntil: row.link_until ?? undefined,
    transactionId: row.transaction_id ?? undefined,
    buyerId: row.buyer_id ?? undefined,
    fee: toFen(row.fee),
    paysAt: row.pays_at ?? undefined,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    paidAt: row.paid_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
  }
}
