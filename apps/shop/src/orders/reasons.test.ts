/** The history, inbox and refunds of an older database: the sentences stored then become codes and facts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OlderDatabase, startTestDatabase, type TestDatabase } from '../../../../tests/harness/database.ts'
import { migrate } from '../db/migrate.ts'
import { type ReasonOrWords, reasonColumns } from './reasons.ts'

let database: TestDatabase
let shop: OlderDatabase

const migrations = join(import.meta.dirname, '../db/migrations')
const query = async (text: string, values: unknown[] = []) => (await shop.pool.query(text, values)).rows

beforeAll(async () => {
  database = await startTestDatabase()
  shop = await database.older('0049')
}, 60_000)

afterAll(async () => {
  await database.stop()
}, 60_000)

const NO = '0199c0ffee0000000000000000000001'
const paid = { code: 'PAID', provider: 'alipay', tradeNo: '2026112322001' } as const

/** The event, the sentence stored then, the reason now, and the actor. */
const LINES: readonly [what: string, then: string, now: ReasonOrWords, actor: string][] = [
  ['order place', '', '', 'buyer'],
  ['attempt open', 'wechat', { code: 'METHOD_CHOSEN', provider: 'wechat' }, 'buyer'],
  ['attempt pay', 'alipay 2026112322001, notification', { ...paid, source: 'notification' }, 'gateway'],
  ['order pay', 'alipay 2026112322001, query', { ...paid, source: 'query' }, 'gateway'],
  [
    'order pay',
    'alipay 2026112322001, notification 8, handled again by 张 三',
    { ...paid, source: 'replay', notificationId: 8, by: '张 三' },
    'gateway',
  ],
  ['order pay', 'alipay paid it, somehow', 'alipay paid it, somehow', 'gateway'],
  ['attempt close', 'closed there', { code: 'CLOSED_AT_GATEWAY' }, 'gateway'],
  ['attempt close', 'not needed', { code: 'NOT_NEEDED' }, 'job'],
  ['attempt close', 'not paid in time', { code: 'NOT_PAID_IN_TIME' }, 'job'],
  ['order expire', 'not paid in time', { code: 'NOT_PAID_IN_TIME' }, 'job'],
  // Text that a person wrote stays as it is.
  ['order cancel', 'not needed', 'not needed', 'staff'],
  ['attempt close', 'not needed', 'not needed', 'staff'],
  ['order place', `a late payment of order ${NO}`, { code: 'LATE_PAYMENT_OF', orderNo: NO }, 'shop'],
  ['order replace', `a late payment; see order ${NO}`, { code: 'LATE_PAYMENT_MOVED_TO', orderNo: NO }, 'shop'],
  ['refund request', 'changed my mind, refund 01ab', 'changed my mind, refund 01ab', 'buyer'],
  ['refund request', 'ORDER_CLOSED', { code: 'ORDER_CLOSED' }, 'shop'],
  ['refund request', 'ORDER_CLOSED', 'ORDER_CLOSED', 'buyer'],
  ['refund send', 'COURSE_ALREADY_OWNED', { code: 'COURSE_ALREADY_OWNED' }, 'job'],
  ['refund request', 'made at the gateway by hand', { code: 'MADE_BY_HAND' }, 'staff'],
  ['refund send', 'made at the gateway by hand', { code: 'MADE_BY_HAND' }, 'job'],
  [
    'refund sendAgain',
    `as ${NO}, since its number was closed over there`,
    { code: 'NUMBER_SPENT', requestNo: NO },
    'staff',
  ],
  ['refund sendAgain new', `before: ${NO}`, { code: 'NUMBER_REPLACED', requestNo: NO }, 'shop'],
  ['refund sendAgain', '', '', 'staff'],
  ['refund refuse', 'before: no money', 'before: no money', 'gateway'],
  [
    'order refundPart',
    'learnt it,\nall of it, refund R-1/2',
    { code: 'REFUNDED', requestNo: 'R-1/2', note: 'learnt it,\nall of it' },
    'gateway',
  ],
  [
    'order refundRest',
    `ORDER_CLOSED, refund ${NO}`,
    { code: 'REFUNDED', requestNo: NO, why: 'ORDER_CLOSED' },
    'gateway',
  ],
  [
    'access revoke',
    `made at the gateway by hand, refund ${NO}`,
    { code: 'REFUNDED', requestNo: NO, why: 'MADE_BY_HAND' },
    'shop',
  ],
  ['access revoke', `shared it, refund ${NO}`, `shared it, refund ${NO}`, 'staff'],
  [
    'reconciliation seen',
    'FEE_DIFFERS: asked: they\nkeep it',
    { code: 'DIFFERENCE', kind: 'FEE_DIFFERS', note: 'asked: they\nkeep it' },
    'staff',
  ],
]

const EFFECTS = [
  ['settled', 'settled', null],
  ['nothing to do', 'nothing_to_do', null],
  ['set aside: AMOUNT_DIFFERS', 'unmatched', 'AMOUNT_DIFFERS'],
  ['failed', 'failed', null],
] as const

const REFUNDS = [
  ['shop', 'ORDER_CLOSED', 1, 'ORDER_CLOSED', 'ORDER_CLOSED'],
  ['buyer', 'ORDER_CLOSED', 1, 'ORDER_CLOSED', null],
  ['staff', 'made at the gateway by hand', 0, 'MADE_BY_HAND', 'MADE_BY_HAND'],
  ['staff', 'made at the gateway by hand', 1, 'made at the gateway by hand', null],
] as const

test('sentences of before become codes and facts; what people and gateways wrote stays as it is', async () => {
  await query(`insert into users (username, display_name, password_hash) values ('buyer', 'Buyer', 'none')`)
  await query(`insert into orders (order_no, user_id, subject, total_fen, pay_type, course_ids, created_at, expires_at)
    select '${NO}', id, '', 100, 'alipay', '{1}', now(), now() from users`)
  for (const [what, then, , actor] of LINES) {
    const [subject, event, begins] = what.split(' ')
    const from = event === 'place' || begins ? null : 'before'
    await query(
      `insert into order_history (order_id, at, subject, event, from_status, to_status, actor, reason)
       select id, now() - interval '40 days', $1, $2, $3, 'after', $4, $5 from orders`,
      [subject, event, from, actor, then],
    )
  }
  for (const [effect] of EFFECTS) {
    await query(
      `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted)
       values ('alipay', now(), '', '', '{}', '', 0, '[]', $1, true)`,
      [effect],
    )
    await query(
      `insert into notification_handlings (notification_id, at, by_whom, checks, effect, accepted) values (1, now(), '', '[]', $1, true)`,
      [effect],
    )
  }
  await query(`insert into payment_attempts (order_id, provider, attempt_no, amount_fen, created_at)
    select id, 'alipay', order_no, 100, now() from orders`)
  for (const [requestedBy, reason, tries] of REFUNDS)
    await query(
      `insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at, tries)
       select md5(random()::text), order_id, id, 1, 'succeeded', $1, $2, now(), now(), $3 from payment_attempts`,
      [reason, requestedBy, tries],
    )

  await migrate(shop.url)

  const history = await query('select reason, reason_code, details from order_history order by id')
  const columnsOf = (reason: ReasonOrWords) => {
    const { details, ...columns } = reasonColumns(reason)
    return { ...columns, details: details === null ? null : JSON.parse(details) }
  }
  expect(history).toEqual(LINES.map(([, , now]) => columnsOf(now)))
  for (const table of ['notifications', 'notification_handlings'])
    expect(await query(`select effect, reason_code from ${table} order by id`)).toEqual(
      EFFECTS.map(([, effect, reason_code]) => ({ effect, reason_code })),
    )
  expect(await query('select reason, reason_code from refunds order by id')).toEqual(
    REFUNDS.map(([, , , reason, reason_code]) => ({ reason, reason_code })),
  )
})

test('a shop that runs meanwhile orders and pays without waiting for it', async () => {
  await query(
    `insert into order_history (order_id, at, subject, event, from_status, to_status, actor, reason)
     select id, now(), 'attempt', 'open', null, 'open', 'buyer', 'alipay' from orders`,
  )
  const migration = await shop.pool.connect()
  const payment = await shop.pool.connect()
  try {
    await migration.query('begin')
    await migration.query(readFileSync(join(migrations, '0050_reasons_of_before.sql'), 'utf8'))
    await payment.query("begin; set local lock_timeout = '200ms'")
    await payment.query('select from orders for no key update')
    await payment.query(`insert into order_history (order_id, at, subject, event, from_status, to_status, actor, reason)
      select id, now(), 'order', 'pay', 'unpaid', 'paid', 'gateway', '' from orders`)
    await payment.query("update orders set pay_type = 'wechat'")
    const { rows } = await payment.query(
      "select reason from order_history where event = 'open' order by id desc limit 1",
    )
    expect(rows).toEqual([{ reason: 'alipay' }])
    await payment.query('commit')
    await migration.query('commit')
  } finally {
    payment.release(true)
    migration.release(true)
  }
  expect(await query("select reason_code from order_history where event = 'open' order by id desc limit 1")).toEqual([
    { reason_code: 'METHOD_CHOSEN' },
  ])
})
