/** Deliveries in the database, and every attempt with the bytes sent and answered. */

import type { Fields } from '../charset.ts'
import type { Database } from '../storage/database.ts'
import type { Answer } from './post.ts'

export type DeliveryState = 'pending' | 'delivered' | 'exhausted' | 'dropped'

export interface Delivery {
  readonly id: number
  readonly notifyId: string
  readonly appId: string
  readonly tradeNo: string
  readonly outTradeNo: string
  /** The event: the trade status, or `REFUND` for a refund that does not change it. */
  readonly event: string
  readonly url: string
  readonly fields: Fields
  readonly state: DeliveryState
  /** Scheduled attempts so far, without replays. */
  readonly attempts: number
  readonly nextAt: number | undefined
  readonly createdAt: number
}

export interface Attempt {
  readonly kind: string
  readonly at: number
  readonly requestHeaders: string
  readonly requestBody: Buffer
  readonly answer: Answer
  /** Milliseconds of real time. */
  readonly duration: number
  readonly acknowledged: boolean
}

export interface DeliveryFilter {
  readonly tradeNo?: string | undefined
  readonly outTradeNo?: string | undefined
  readonly state?: string | undefined
  readonly before?: number | undefined
  readonly limit: number
}

export interface DeliveryStore {
  find(id: number): Delivery | undefined
  list(filter: DeliveryFilter): { readonly items: Delivery[]; readonly next: number | undefined }
  insert(delivery: Omit<Delivery, 'id' | 'attempts'>): number
  /** Marks as delivered, whatever the state; `attempts` counts scheduled ones, if this was one. */
  acknowledge(id: number, attempts: number | undefined): void
  /** Changes one that is not yet delivered. */
  update(id: number, state: DeliveryState, attempts: number, nextAt: number | undefined): void
  addAttempt(id: number, attempt: Attempt): void
  attempts(id: number): Attempt[]
  pending(): { readonly id: number; readonly at: number }[]
}

type Row = {
  id: number
  notify_id: string
  app_id: string
  trade_no: string
  out_trade_no: string
  event: string
  url: string
  fields: string
  state: string
  attempts: number
  next_at: number | null
  created_at: number
}

type AttemptRow = {
  kind: string
  at: number
  request_headers: string
  request_body: Uint8Array<ArrayBuffer>
  status: number | null
  response_headers: string
  response_body: Uint8Array<ArrayBuffer>
  error: string
  duration: number
  acknowledged: number
}

/** The table names: each gateway has its own. */
export interface DeliveryTables {
  readonly deliveries: 'deliveries' | 'wechat_deliveries'
  readonly attempts: 'attempts' | 'wechat_attempts'
}

export function openDeliveryStore(
  database: Database,
  { deliveries, attempts }: DeliveryTables = { deliveries: 'deliveries', attempts: 'attempts' },
): DeliveryStore {
  const select = database.prepare<Row>(`select * from ${deliveries} where id = ?`)
  const selectPage = database.prepare<Row>(
    `select * from ${deliveries} where (?1 is null or trade_no = ?1) and (?2 is null or out_trade_no = ?2)
       and (?3 is null or state = ?3) and (?4 is null or id < ?4) order by id desc limit ?5`,
  )
  const insert = database.prepare(
    `insert into ${deliveries} (notify_id, app_id, trade_no, out_trade_no, event, url, fields, state, next_at, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const update = database.prepare(
    `update ${deliveries} set state = ?, attempts = ?, next_at = ? where id = ? and state <> 'delivered'`,
  )
  const acknowledge = database.prepare(
    `update ${deliveries} set state = 'delivered', attempts = coalesce(?, attempts), next_at = null where id = ?`,
  )
  const insertAttempt = database.prepare(
    `insert into ${attempts} (delivery_id, kind, at, request_headers, request_body, status, response_headers, response_body,
       error, duration, acknowledged) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const selectAttempts = database.prepare<AttemptRow>(`select * from ${attempts} where delivery_id = ? order by id`)
  const selectPending = database.prepare<{ id: number; next_at: number }>(
    `select id, next_at from ${deliveries} where state = 'pending' order by next_at, id`,
  )

  return {
    find(id) {
      const row = select.get(id)
      return row && fromRow(row)
    },
    list({ tradeNo, outTradeNo, state, before, limit }) {
      const rows = selectPage.all(tradeNo ?? null, outTradeNo ?? null, state ?? null, before ?? null, limit + 1)
      const items = rows.slice(0, limit)
      return { items: items.map(fromRow), next: rows.length > limit ? items.at(-1)?.id : undefined }
    },
    insert: (delivery) =>
      insert.run(
        delivery.notifyId,
        delivery.appId,
        delivery.tradeNo,
        delivery.outTradeNo,
        delivery.event,
        delivery.url,
        JSON.stringify(delivery.fields),
        delivery.state,
        delivery.nextAt ?? null,
        delivery.createdAt,
      ).lastId,
    acknowledge: (id, attempts) => void acknowledge.run(attempts ?? null, id),
    update: (id, state, attempts, nextAt) => void update.run(state, attempts, nextAt ?? null, id),
    addAttempt: (id, { kind, at, requestHeaders, requestBody, answer, duration, acknowledged }) =>
      void insertAttempt.run(
        id,
        kind,
        at,
        requestHeaders,
        requestBody,
        answer.status ?? null,
        answer.headers,
        answer.body,
        answer.error,
        duration,
        acknowledged ? 1 : 0,
      ),
    attempts: (id) => selectAttempts.all(id).map(fromAttemptRow),
    pending: () => selectPending.all().map((row) => ({ id: row.id, at: row.next_at })),
  }
}

function fromRow(row: Row): Delivery {
  return {
    id: row.id,
    notifyId: row.notify_id,
    appId: row.app_id,
    tradeNo: row.trade_no,
    outTradeNo: row.out_trade_no,
    event: row.event,
    url: row.url,
    fields: JSON.parse(row.fields) as Fields,
    state: row.state as DeliveryState,
    attempts: row.attempts,
    nextAt: row.next_at ?? undefined,
    createdAt: row.created_at,
  }
}

function fromAttemptRow(row: AttemptRow): Attempt {
  return {
    kind: row.kind,
    at: row.at,
    requestHeaders: row.request_headers,
    requestBody: Buffer.from(row.request_body),
    answer: {
      status: row.status ?? undefined,
      headers: row.response_headers,
      body: Buffer.from(row.response_body),
      error: row.error,
    },
    duration: row.duration,
    acknowledged: row.acknowledged === 1,
  }
}
