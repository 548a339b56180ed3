/** What must be true of the books after any sequence, read from the database and the gateway's own records. */

import type { StateTable } from '../../apps/shop/src/orders/state-table.ts'
import { ORDER_TRANSITIONS } from '../../apps/shop/src/orders/states.ts'
import { ATTEMPT_TRANSITIONS } from '../../apps/shop/src/payments/attempts/states.ts'
import { REFUND_TRANSITIONS } from '../../apps/shop/src/payments/refunds/states.ts'
import type { MemoryGateway } from './gateway.ts'
import type { Harness } from './harness.ts'

type Row<Columns extends string> = Record<Columns, string>

/** @returns descriptions of everything wrong with the orders of these buyers; empty if all is well */
export async function broken(harness: Harness, userIds: readonly number[]): Promise<string[]> {
  const wrong: string[] = []
  const read = async <Columns extends string>(text: string): Promise<Row<Columns>[]> =>
    (await harness.connection.pool.query<Row<Columns>>(text, [userIds])).rows
  const expectNone = async (what: string, text: string) => {
    const rows = await read(text)
    if (rows.length > 0) wrong.push(`${what}: ${JSON.stringify(rows)}`)
  }
  const mine = 'select id from orders where user_id = any($1)'

  await expectNone(
    'paid exactly when a payment is recorded',
    `select o.id, o.status from orders o left join order_payments p on p.order_id = o.id
     where o.id in (${mine}) and (o.status in ('paid', 'partially_refunded', 'refunded')) <> (p.order_id is not null)`,
  )
  await expectNone(
    'access without payment, or after the line was refunded',
    `select e.order_id, e.course_id from enrolments e join orders o on o.id = e.order_id
     join order_lines l on l.order_id = e.order_id and l.course_id = e.course_id
     where e.revoked_at is null and e.order_id in (${mine}) and (o.status not in ('paid', 'partially_refunded')
       or (l.price_fen > 0 and l.price_fen = (select coalesce(sum(rl.amount_fen), 0) from refund_lines rl join refunds r
           on r.id = rl.refund_id where r.status = 'succeeded' and rl.order_id = l.order_id and rl.course_id = l.course_id)))`,
  )
  await expectNone(
    'paid without access',
    `select l.order_id, l.course_id from order_lines l join orders o on o.id = l.order_id
     where o.id in (${mine}) and o.status in ('paid', 'partially_refunded') and l.refunded_fen < l.price_fen
       and not exists (select from enrolments e where e.user_id = o.user_id and e.course_id = l.course_id and e.revoked_at is null)`,
  )
  await expectNone(
    'an order paid with another amount',
    `select o.id from orders o join order_payments p on p.order_id = o.id join payment_attempts a on a.id = p.attempt_id
     where o.id in (${mine}) and (a.amount_fen <> o.total_fen or a.status <> 'paid' or a.order_id <> o.id)`,
  )
  await expectNone(
    'a paid order with another method than the one that paid it',
    `select o.id, o.pay_type, a.provider from orders o join order_payments p on p.order_id = o.id
     join payment_attempts a on a.id = p.attempt_id where o.id in (${mine}) and a.provider <> o.pay_type`,
  )
  await expectNone(
    "a line's counter that is not the sum of its refunds",
    `select l.order_id, l.course_id from order_lines l where l.order_id in (${mine}) and (l.reserved_fen, l.refunded_fen) <>
       (select coalesce(sum(rl.amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0),
               coalesce(sum(rl.amount_fen) filter (where r.status = 'succeeded'), 0)
        from refund_lines rl join refunds r on r.id = rl.refund_id
        where rl.order_id = l.order_id and rl.course_id = l.course_id)`,
  )
  await expectNone(
    "a payment's counter that is not the sum of its refunds",
    `select a.attempt_no from payment_attempts a where a.order_id in (${mine}) and (a.reserved_fen, a.refunded_fen) <>
       (select coalesce(sum(amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0),
               coalesce(sum(amount_fen) filter (where r.status = 'succeeded'), 0)
        from refunds r where r.attempt_id = a.id)`,
  )
  await expectNone(
    'a known payment, listed as unknown',
    `select u.trade_no from unmatched_payments u join payment_attempts a on a.attempt_no = u.attempt_no
     where a.order_id in (${mine}) and u.reason = 'UNKNOWN_ATTEMPT'`,
  )
  await checkTrades(await readAttempts(read, mine), harness.gateway, wrong)
  await checkHistory(await readHistory(read, mine), wrong)
  return wrong
}

type Read = <Columns extends string>(text: string) => Promise<Row<Columns>[]>

const readAttempts = (read: Read, mine: string) =>
  read<'attempt_no' | 'status' | 'pays' | 'order_status' | 'refunds'>(
    `select a.attempt_no, a.status, (p.attempt_id is not null)::text as pays, o.status as order_status,
       (select coalesce(json_agg(json_build_array(r.request_no, r.amount_fen) order by r.request_no), '[]')::text
        from refunds r where r.attempt_id = a.id and r.status = 'succeeded') as refunds
     from payment_attempts a join orders o on o.id = a.order_id left join order_payments p on p.attempt_id = a.id
     where a.order_id in (${mine})`,
  )

/** Every fen that the gateway took is on a paid order or was refunded, request by request. */
async function checkTrades(
  attempts: Awaited<ReturnType<typeof readAttempts>>,
  gateway: MemoryGateway,
  wrong: string[],
): Promise<void> {
  for (const attempt of attempts) {
    const trade = gateway.trades.get(attempt.attempt_no)
    const paid = trade?.state === 'paid'
    if (paid !== (attempt.status === 'paid'))
      wrong.push(`${attempt.attempt_no} is ${attempt.status} in the shop, ${trade?.state} at the gateway`)
    const there = [...(trade?.refunds ?? [])].sort(([left], [right]) => (left < right ? -1 : 1))
    if (JSON.stringify(there) !== JSON.stringify(JSON.parse(attempt.refunds))) {
      wrong.push(
        `${attempt.attempt_no} refunded ${attempt.refunds} in the shop, ${JSON.stringify(there)} at the gateway`,
      )
    }
    const gone = there.reduce((sum, [, amount]) => sum + amount, 0)
    if (paid && attempt.pays !== 'true' && gone !== trade.amount)
      wrong.push(`${attempt.attempt_no}: money unaccounted for`)
    const closed = attempt.order_status === 'cancelled' || attempt.order_status === 'expired'
    if (closed && trade?.state === 'waiting')
      wrong.push(`${attempt.attempt_no} is unpaid at the gateway, its order is closed in the shop`)
  }
}

const readHistory = (read: Read, mine: string) =>
  read<'subject' | 'number' | 'event' | 'from_status' | 'to_status' | 'actor' | 'now'>(
    `select h.subject, coalesce(h.number, h.order_id::text) as number, h.event, h.from_status, h.to_status, h.actor,
       case h.subject when 'order' then (select status from orders o where o.id = h.order_id)
         when 'attempt' then (select status from payment_attempts a where a.attempt_no = h.number)
         else (select status from refunds r where r.request_no = h.number) end as now
     from order_history h where h.order_id in (${mine}) and h.subject in ('order', 'attempt', 'refund') order by h.id`,
  )

const TABLES: Record<string, StateTable<string>> = {
  order: ORDER_TRANSITIONS as StateTable<string>,
  attempt: ATTEMPT_TRANSITIONS as StateTable<string>,
  refund: REFUND_TRANSITIONS as StateTable<string>,
}
const BEGINNINGS: Record<string, string[]> = { order: ['unpaid'], attempt: ['open'], refund: ['requested', 'approved'] }

/** Each state has an explanation: a chain of transitions from the table, from the initial state to the current one. */
async function checkHistory(lines: Awaited<ReturnType<typeof readHistory>>, wrong: string[]): Promise<void> {
  const chains = Map.groupBy(lines, (line) => `${line.subject} ${line.number}`)
  for (const [name, chain] of chains) {
    let state: string | null = null
    for (const { subject, event, from_status: from, to_status: to, actor } of chain) {
      const transition = TABLES[subject]?.[event]
      const begins: boolean = state === null && from === null && (BEGINNINGS[subject]?.includes(to) ?? false)
      const follows: boolean =
        from === state &&
        transition?.to === to &&
        transition.from.includes(from) &&
        transition.by.some((by) => by === actor)
      if (!begins && !follows) wrong.push(`${name}: ${from} → ${to} by ${event} of ${actor} after ${state}`)
      state = to
    }
    if (chain.at(-1)?.now !== state) wrong.push(`${name} is ${chain.at(-1)?.now}, its history ends with ${state}`)
  }
}
