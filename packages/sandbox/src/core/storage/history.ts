/** What happened to each trade, and when. */
import type { Clock } from '../clock.ts'
import type { Database } from './database.ts'

export interface TradeEvent {
  readonly at: number
  readonly event: string
  readonly detail: string
}

export interface History<Id extends string | number> {
  record(trade: Id, event: string, detail?: string): void
  history(trade: Id): TradeEvent[]
}

/** Each gateway has its own table, with its own column for the trade. */
export function openHistory<Id extends string | number>(
  database: Database,
  clock: Clock,
  table: 'trade_events' | 'wechat_trade_events',
  trade: 'trade_no' | 'trade_id',
): History<Id> {
  const insert = database.prepare(`insert into ${table} (${trade}, at, event, detail) values (?, ?, ?, ?)`)
  const select = database.prepare<{ at: number; event: string; detail: string }>(
    `select at, event, detail from ${table} where ${trade} = ? order by id`,
  )
  return {
    record: (id, event, detail = '') => void insert.run(id, clock.now(), event, detail),
    history: (id) => select.all(id),
  }
}
