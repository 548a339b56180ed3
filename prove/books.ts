/** Both sides' records at the end: the shop's from PostgreSQL, the gateway's from the sandbox's own file. */

import { createDecipheriv } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { System } from '../tests/harness/system.ts'

export interface GatewayTrade {
  readonly trade_no: string
  readonly out_trade_no: string
  readonly app_id: string
  readonly seller_id: string
  readonly status: string
  readonly total: number
  readonly refunded: number
  /** Milliseconds on the gateway's clock, as are the other times. */
  readonly created_at: number
  readonly paid_at: number | null
  readonly closed_at: number | null
}

export interface GatewayRefund {
  readonly trade_no: string
  readonly out_request_no: string
  readonly amount: number
  readonly at: number
}

export interface Delivery {
  readonly notify_id: string
  readonly acknowledged: number
  /** Attempts that the shop answered with its verdict: 200 or 400. */
  readonly answered: number
}

/** The content of an acknowledged notification; for a refund, only that it was about one. */
export interface Acknowledged {
  readonly trade_no: string
  readonly appId: string
  readonly sellerId: string
  readonly total: number
  readonly aboutRefund: boolean
  /** Whether its signature was a deliberately invalid one. */
  readonly brokenSign: boolean
}

export interface Gateway {
  readonly trades: readonly GatewayTrade[]
  readonly refunds: readonly GatewayRefund[]
  readonly deliveries: readonly Delivery[]
  readonly acknowledged: readonly Acknowledged[]
}

export function readGateway(dataDir: string): Gateway {
  const folder = join(dataDir, 'sandbox')
  const file = readdirSync(folder).find((name) => /\.(db|sqlite3?)$/.test(name))
  if (!file) throw new Error(`no data file of the sandbox in ${folder}`)
  const database = new DatabaseSync(join(folder, file), { readOnly: true })
  const all = <Row>(sql: string): Row[] => database.prepare(sql).all() as Row[]
  try {
    return {
      trades: [...all<GatewayTrade>(ALIPAY_TRADES), ...all<GatewayTrade>(WECHAT_TRADES)],
      refunds: [...all<GatewayRefund>(ALIPAY_REFUNDS), ...all<GatewayRefund>(WECHAT_REFUNDS)],
      deliveries: [
        ...all<Delivery>(deliveriesOf('deliveries', 'attempts')),
        ...all<Delivery>(deliveriesOf('wechat_deliveries', 'wechat_attempts')),
      ],
      acknowledged: [
        ...all<Sent>(sentBy('deliveries', 'attempts', "''")).map(readForm),
        ...all<Sent>(
          sentBy(
            'wechat_deliveries',
            'wechat_attempts',
            '(select api_v3_key from wechat_merchants where mch_id = d.app_id)',
          ),
        ).map(readSealed),
      ],
    }
  } finally {
    database.close()
  }
}

const ALIPAY_TRADES = `select trade_no, out_trade_no, app_id, seller_id, status, total, refunded, created_at, paid_at,
  closed_at from trades`
/** Translated to the other gateway's states, so that both are checked by the same rules. */
const WECHAT_TRADES = `select coalesce(transaction_id, 'unpaid ' || out_trade_no) as trade_no, out_trade_no, app_id,
  mch_id as seller_id, total, created_at, paid_at, closed_at,
  case state when 'NOTPAY' then 'WAIT_BUYER_PAY' when 'CLOSED' then 'TRADE_CLOSED' else 'TRADE_SUCCESS' end as status,
  (select coalesce(sum(amount), 0) from wechat_refunds r where r.trade_id = t.id and r.status = 'SUCCESS') as refunded
  from wechat_trades t`
const ALIPAY_REFUNDS = 'select trade_no, out_request_no, amount, at from refunds'
const WECHAT_REFUNDS = `select t.transaction_id as trade_no, r.out_refund_no as out_request_no, r.amount, r.success_at as at
  from wechat_refunds r join wechat_trades t on t.id = r.trade_id where r.status = 'SUCCESS'`

const deliveriesOf = (deliveries: string, attempts: string): string =>
  `select d.notify_id, coalesce(sum(a.acknowledged), 0) as acknowledged,
     coalesce(sum(a.status in (200, 204, 400)), 0) as answered
   from ${deliveries} d left join ${attempts} a on a.delivery_id = d.id group by d.id`

interface Sent {
  readonly trade_no: string
  readonly event: string
  readonly headers: string
  readonly body: Uint8Array
  readonly key: string
}

const sentBy = (deliveries: string, attempts: string, key: string): string =>
  `select d.trade_no, d.event, a.request_headers as headers, a.request_body as body, ${key} as key
   from ${attempts} a join ${deliveries} d on d.id = a.delivery_id where a.acknowledged = 1`

function readForm({ trade_no, body }: Sent): Acknowledged {
  const said = new URLSearchParams(Buffer.from(body).toString('latin1'))
  const [yuan = '0', cents = '0'] = (said.get('total_amount') ?? '').split('.')
  return {
    trade_no,
    appId: said.get('app_id') ?? '',
    sellerId: said.get('seller_id') ?? '',
    total: Number(yuan) * 100 + Number(cents),
    aboutRefund: said.has('refund_fee'),
    brokenSign: /^(AAAA|BBBB)/.test(said.get('sign') ?? ''),
  }
}

/** Decrypted here with the merchant's key, by none of the product's code. */
function readSealed({ trade_no, event, headers, body, key }: Sent): Acknowledged {
  const { resource } = JSON.parse(Buffer.from(body).toString('utf8')) as {
    resource: { ciphertext: string; nonce: string; associated_data: string }
  }
  const sealed = Buffer.from(resource.ciphertext, 'base64')
  const cipher = createDecipheriv('aes-256-gcm', Buffer.from(key), Buffer.from(resource.nonce))
  cipher.setAAD(Buffer.from(resource.associated_data))
  cipher.setAuthTag(sealed.subarray(-16))
  const plain = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]).toString('utf8')
  const said = JSON.parse(plain) as { appid?: string; mchid: string; amount: { total: number } }
  return {
    trade_no,
    appId: said.appid ?? '',
    sellerId: said.mchid,
    total: said.amount.total,
    aboutRefund: event.startsWith('REFUND.'),
    brokenSign: /Wechatpay-Signature: (AAAA|BBBB|WECHATPAY)/.test(headers),
  }
}

export interface ShopBooks {
  readonly orders: readonly {
    id: number
    order_no: string
    user_id: number
    status: string
    total: number
    course_ids: number[]
    paying: number | null
    closed_at: Date | null
    expires_at: Date
  }[]
  readonly attempts: readonly {
    id: number
    order_id: number
    attempt_no: string
    status: string
    amount: number
    /** Reserved or refunded. */
    refunded: number
    trade_no: string | null
    /** Where it was opened: the gateway, then the merchant's numbers there. */
    merchant: string | null
    ask_at: Date | null
  }[]
  readonly lines: readonly { order_id: number; course_id: number; price: number; refunded: number }[]
  readonly enrolments: readonly {
    user_id: number
    course_id: number
    order_id: number | null
    active: boolean
  }[]
  readonly refunds: readonly {
    id: number
    request_no: string
    order_id: number | null
    attempt_id: number | null
    amount: number
    status: string
    refusal: string | null
  }[]
  readonly refundLines: readonly { refund_id: number; order_id: number; course_id: number; amount: number }[]
  readonly unmatched: readonly {
    trade_no: string
    reason: string
    open: boolean
    amount: number
    refund_id: number | null
    order_id: number | null
    course_id: number | null
  }[]
  readonly notifications: readonly { notify_id: string; rows: number; accepted: number }[]
  readonly history: readonly {
    order_id: number
    subject: string
    number: string | null
    event: string
    from_status: string | null
    to_status: string
    actor: string
    at: Date
  }[]
  readonly deadJobs: number
}

/** All orders in this database: it contains only the proof's buyers. */
export async function readShop({ sql }: System): Promise<ShopBooks> {
  const [dead] = await sql<{ count: number }>(
    'select count(*)::int as count from graphile_worker.jobs where attempts >= max_attempts and locked_at is null',
  )
  return {
    orders: await sql(`select o.id::int, order_no, user_id::int, status, total_fen::int as total, course_ids,
      p.attempt_id::int as paying, o.closed_at, o.expires_at from orders o left join order_payments p on p.order_id = o.id`),
    attempts: await sql(`select id::int, order_id::int, attempt_no, status, amount_fen::int as amount,
      (reserved_fen + refunded_fen)::int as refunded, trade_no, merchant, ask_at from payment_attempts`),
    lines: await sql(
      'select order_id::int, course_id, price_fen::int as price, (reserved_fen + refunded_fen)::int as refunded from order_lines',
    ),
    enrolments: await sql(
      'select user_id::int, course_id, order_id::int, revoked_at is null as active from enrolments where order_id is not null',
    ),
    refunds: await sql(
      `select id::int, request_no, order_id::int, attempt_id::int, amount_fen::int as amount, status, refusal from refunds`,
    ),
    refundLines: await sql(
      'select refund_id::int, order_id::int, course_id, amount_fen::int as amount from refund_lines',
    ),
    unmatched:
      await sql(`select trade_no, reason, resolved_at is null as open, amount_fen::int as amount, refund_id::int,
      order_id::int, course_id
      from unmatched_payments`),
    notifications: await sql(`select notify_id, count(*)::int as rows, count(*) filter (where accepted)::int as accepted
      from notifications where notify_id is not null group by notify_id`),
    history: await sql(`select order_id::int, subject, number, event, from_status, to_status, actor, at
      from order_history order by id`),
    deadJobs: dead?.count ?? 0,
  }
}
