/** A shop, and the money of an order in its books and at the gateway. */
import { afterAll, beforeAll } from 'vitest'
import { type System, startSystem } from '../../harness/system.ts'

export let system: System

beforeAll(async () => {
  system = await startSystem()
})

afterAll(() => system.stop())

export const booksOf = async (orderNo: string) =>
  system.sql<{ reason: string; fen: number; course_id: number | null; resolved: boolean; refund: string }>(
    `select u.reason, u.amount_fen::int as fen, u.course_id, u.resolved_at is not null as resolved, r.status as refund
     from unmatched_payments u join refunds r on r.id = u.refund_id where u.attempt_no = $1`,
    [orderNo],
  )

export const refundedAtGateway = async (orderNo: string) =>
  (await system.sandbox.trades(orderNo)).map(({ refundedAmount, status }) => ({ refundedAmount, status }))

export const runJob = (task: string) => system.sql(`select graphile_worker.add_job($1)`, [task])
