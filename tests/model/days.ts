/**
 * Days of a shop to reconcile with their bills, on the harness with its in-memory gateway: the base of reconciliation
 * tests.
 */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import type { Staff } from '../../apps/shop/src/admin/admin-routes.ts'
import { dayOf, midnight } from '../../apps/shop/src/beijing-day.ts'
import type { Database } from '../../apps/shop/src/db/connect.ts'
import { type Fen, toFen } from '../../apps/shop/src/money.ts'
import type { BillLine } from '../../apps/shop/src/payments/contract.ts'
import { type Repair, repairDifference } from '../../apps/shop/src/reconciliation/repair.ts'
import { reconcileDay } from '../../apps/shop/src/reconciliation/run.ts'
import { type Harness, openHarness, type PlacedOrder, placeOrder } from './harness.ts'

export interface Paid {
  readonly order: PlacedOrder
  readonly attemptNo: string
  readonly tradeNo: string
  readonly amount: Fen
}

export const yuan = (amount: number) => toFen(Math.round(amount * 100))
export const kinds = (rows: readonly { kind: string }[]) => rows.map(({ kind }) => kind)

/** Each test file has its own days and starts at noon of the first, so that no test crosses midnight by chance. */
export function openDays() {
  let harness: Harness
  let staff: Staff
  beforeAll(async () => {
    harness = await openHarness()
    const user = { id: await harness.newBuyer(), username: 'model1', displayName: 'model', role: 'owner' }
    // Fresh, whatever the harness's clock says.
    const provedAt = new Date('9999-01-01')
    staff = { user: user as Staff['user'], sessionId: '', address: '127.0.0.1', provedAt }
  })
  afterAll(() => harness.close())
  beforeEach(() => {
    const noon = midnight(today()).getTime() + (10 * 24 + 12) * 3_600_000
    harness.pass((noon - harness.payments.clock().getTime()) / 1000)
  })

  const db = () => harness.payments.db
  const books = booksOf(db)
  const today = () => dayOf(harness.payments.clock())
  const nextDay = () => harness.pass(86_400)

  const paid = (courseIds: number[] = [1], payType = 'alipay', notified = true) =>
    placePaid(harness, courseIds, payType, notified)
  const line = (of: Paid, kind: 'payment' | 'refund', amount: Fen, requestNo = ''): BillLine => ({
    kind,
    tradeNo: of.tradeNo,
    attemptNo: of.attemptNo,
    requestNo,
    amount,
    fee: 0,
    at: harness.payments.clock(),
  })

  async function run(day: string, lines: readonly BillLine[], provider = 'alipay') {
    harness.gateway.bills.set(`${provider} ${day}`, lines)
    expect(await reconcileDay(harness.payments, { provider, day })).toBe('done')
    return books.open(day, provider)
  }

  async function repair(row: { id: number } | undefined, how: Repair, provedAt = staff.provedAt): Promise<string> {
    if (!row) throw new Error('there is no difference')
    try {
      await repairDifference(
        harness.payments,
        { ...staff, provedAt },
        { id: row.id, repair: how, note: 'model' },
        (_, work) => work(),
      )
      return 'done'
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error)
    }
  }

  return {
    get harness() {
      return harness
    },
    get staff() {
      return staff
    },
    db,
    today,
    nextDay,
    paid,
    line,
    run,
    repair,
    ...books,
  }
}

async function placePaid(harness: Harness, courseIds: number[], payType: string, notified: boolean): Promise<Paid> {
  const order = await placeOrder(harness, await harness.newBuyer(), courseIds, payType)
  expect(await order.do('pay')).toBe('done')
  if (notified) expect(await order.do('notify')).toBe('done')
  const trade = harness.gateway.trades.get(order.orderNo)
  if (!trade) throw new Error('not paid')
  return { order, attemptNo: order.orderNo, tradeNo: trade.tradeNo, amount: trade.amount }
}

/** What the shop has stored. */
function booksOf(db: () => Database) {
  const open = (day: string, provider = 'alipay') =>
    db()
      .selectFrom('reconciliation_differences')
      .selectAll()
      .where('provider', '=', provider)
      .where('day', '=', day)
      .where('gone_at', 'is', null)
      .where('repaired_at', 'is', null)
      .orderBy('id')
      .execute()

  const orderOf = ({ order }: Paid) =>
    db().selectFrom('orders').selectAll().where('id', '=', order.orderId).executeTakeFirstOrThrow()
  const accessOf = async ({ order }: Paid) =>
    (
      await db()
        .selectFrom('enrolments')
        .select('course_id')
        .where('order_id', '=', order.orderId)
        .where('revoked_at', 'is', null)
        .orderBy('course_id')
        .execute()
    ).map((row) => row.course_id)
  const refundsOf = ({ order }: Paid) =>
    db().selectFrom('refunds').selectAll().where('order_id', '=', order.orderId).orderBy('id').execute()
  return { open, orderOf, accessOf, refundsOf }
}
