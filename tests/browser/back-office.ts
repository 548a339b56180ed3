/** A shop with something on every page of the back office: orders in each state, refunds, a wrong day, a dead job. */
import type { ShopApi } from '../harness/shop-api.ts'
import { openSystem, type Place, type RunningSystem, until } from '../harness/system.ts'
import { fetchShared } from './browser.ts'

const UTC8_MS = 8 * 3_600_000

/** The demo shop's owner. */
export const OWNER = { username: 'admin', password: 'admin123456' }

export interface Bought {
  readonly buyer: ShopApi
  readonly orderNo: string
  readonly payUrl: string
}

export interface BackOffice {
  /** The Beijing day on which everything happened; the gateway's clock is a day ahead. */
  readonly day: string
  /** A paid order of three courses, one of them refunded. */
  readonly partly: string
  /** A paid order whose buyer has requested a refund. */
  readonly asked: string
  readonly unpaid: string
  /** A notification that was refused, since its order was unknown at that moment. */
  readonly refused: number
  /** The buyer of the partly refunded order. */
  readonly buyer: number
  /** A member of staff who has not logged in yet. */
  readonly member: number
}

export async function order(system: RunningSystem, courseIds: readonly number[], totalAmount: string): Promise<Bought> {
  const buyer = await system.buyer()
  const { body } = await buyer.buy(courseIds, totalAmount)
  return { buyer, orderNo: body.orderNo, payUrl: body.payUrl }
}

export async function paidOrder(
  system: RunningSystem,
  courseIds: readonly number[],
  totalAmount: string,
): Promise<Bought> {
  const bought = await order(system, courseIds, totalAmount)
  await system.sandbox.pay(bought.payUrl)
  await until(
    () => bought.buyer.order(bought.orderNo),
    ({ status }) => status === 'paid',
    20_000,
  )
  return bought
}

/** Paid at the gateway, without a notification; the shop does not query it either. */
export async function unreportedOrder(system: RunningSystem): Promise<Bought> {
  await system.sandbox.notifications(false)
  const bought = await order(system, [1], '39.00')
  await system.sandbox.pay(bought.payUrl)
  await system.sql("update payment_attempts set ask_at = now() + interval '1 day' where attempt_no = $1", [
    bought.orderNo,
  ])
  await system.sandbox.notifications(true)
  return bought
}

/** A notification arrives while its order is unknown; afterwards the order is known again. */
export async function refusedNotification(
  system: RunningSystem,
  staff: ShopApi,
): Promise<{ id: number; bought: Bought }> {
  const bought = await order(system, [1], '39.00')
  const hidden = 'd'.repeat(32)
  await system.sql(
    "update payment_attempts set attempt_no = $2, ask_at = now() + interval '1 day' where attempt_no = $1",
    [bought.orderNo, hidden],
  )
  await system.sandbox.pay(bought.payUrl)
  const path = `/api/admin/notifications?q=${bought.orderNo}`
  const { body } = await until(
    () => staff.call<{ items: { id: number }[] }>('GET', path),
    (answer) => answer.body.items.length > 0,
    20_000,
  )
  await system.sql('update payment_attempts set attempt_no = $1 where attempt_no = $2', [bought.orderNo, hidden])
  return { id: body.items.at(-1)?.id ?? 0, bought }
}

/** A payment for an order number that the shop does not know: it is listed as unmatched. @returns the number */
export async function unmatchedPayment(system: RunningSystem, staff: ShopApi): Promise<string> {
  const { bought } = await refusedNotification(system, staff)
  const unknown = ['n'.repeat(32), bought.orderNo]
  await system.sql('update payment_attempts set attempt_no = $1 where attempt_no = $2', unknown)
  return bought.orderNo
}

/** A job that has no attempts left. */
export async function deadJob(system: RunningSystem): Promise<void> {
  await system.sql(
    `select graphile_worker.add_job('send-refund', '{"refundId": "none"}', run_at => now() + interval '1 day', max_attempts => 3)`,
  )
  await system.sql(
    `update graphile_worker._private_jobs set attempts = max_attempts, last_error = 'refundId is no number'
     where payload::text like '%none%'`,
  )
}

/** More buyers of one name than the search of orders compares. */
async function addLearners(system: RunningSystem): Promise<void> {
  await system.sql(
    `insert into users (username, display_name, password_hash) select 'learner' || n, 'Learner', 'none' from generate_series(1, 301) n`,
  )
}

/** Moves the gateway to the next day, so that the bill of today is available. @returns today */
export async function endDay(system: RunningSystem): Promise<string> {
  await system.sandbox.nextMorning()
  return new Date(Date.now() + UTC8_MS).toISOString().slice(0, 10)
}

export async function fillBackOffice(system: RunningSystem): Promise<BackOffice> {
  const staff = system.client()
  await staff.login(OWNER.username, OWNER.password)
  const partly = await paidOrder(system, [1, 2, 3], '138.00')
  await staff.call('POST', `/api/admin/orders/${partly.orderNo}/refunds`, {
    lines: [{ courseId: 1, amount: '39.00' }],
    amount: '39.00',
    reason: '与买家商定',
  })
  const asked = await paidOrder(system, [1], '39.00')
  await asked.buyer.call('POST', `/api/orders/${asked.orderNo}/refunds`, { courseIds: [1], reason: '买错了' })
  const unpaid = await order(system, [1], '39.00')
  const { id: refused } = await refusedNotification(system, staff)
  await unmatchedPayment(system, staff)
  await unreportedOrder(system)
  await deadJob(system)
  await addLearners(system)
  const day = await endDay(system)
  await staff.call('POST', '/api/admin/reconciliations', { provider: 'alipay', day })
  const path = `/api/admin/reconciliations/alipay/${day}`
  await until(
    () => staff.call<{ reconciliation?: { status: string } }>('GET', path),
    ({ body }) => body.reconciliation?.status === 'done',
    30_000,
  )
  const { id: buyer } = (await partly.buyer.call<{ id: number }>('GET', '/api/me')).body
  await staff.call('POST', '/api/admin/dashboard/count')
  const wanted = { username: 'wang-finance', displayName: '王会计', role: 'finance' }
  const added = await staff.call<{ member: { id: number } }>('POST', '/api/admin/staff', wanted)
  const member = added.body.member.id
  return { day, partly: partly.orderNo, asked: asked.orderNo, unpaid: unpaid.orderNo, refused, buyer, member }
}

/** The back office shared by all test files that change nothing. */
export async function sharedBackOffice(): Promise<{ system: RunningSystem; world: BackOffice }> {
  const { place, world } = await fetchShared<{ place: Place; world: BackOffice }>('/back-office')
  return { system: openSystem(place, () => {}), world }
}
