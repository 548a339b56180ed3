/** Days of a shop against their bills, over the stage and its gateway in memory: what tests of reconciliation begin with. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import type { Staff } from '../../apps/shop/src/accounts/desk.ts'
import { type Fen, toFen } from '../../apps/shop/src/money.ts'
import type { BillLine } from '../../apps/shop/src/payments/providers/provider.ts'
import { dayOf, midnight } from '../../apps/shop/src/reconciliation/days.ts'
import { type Repair, repairDifference } from '../../apps/shop/src/reconciliation/repair.ts'
import { reconcileDay } from '../../apps/shop/src/reconciliation/run.ts'
import { openStage, type Play, play, type Stage } from './stage.ts'

export interface Paid {
  readonly order: Play
  readonly attemptNo: string
  readonly tradeNo: string
  readonly amount: Fen
}

export const yuan = (amount: number) => toFen(Math.round(amount * 100))
export const kinds = (rows: readonly { kind: string }[]) => rows.map(({ kind }) => kind)

/** Each test of the file has its own days, and begins at noon of the first: none of it meets a midnight by chance. */
export function openDays() {
  let stage: Stage
  let staff: Staff
  beforeAll(async () => {
    stage = await openStage()
    const user = { id: await stage.newBuyer(), username: 'model1', displayName: 'model', role: 'owner' }
    staff = { user: user as Staff['user'], sessionId: '', address: '127.0.0.1' }
  }, 60_000)
  afterAll(() => stage.close())
  beforeEach(() => {
    const noon = midnight(today()).getTime() + (10 * 24 + 12) * 3_600_000
    stage.pass((noon - stage.payments.clock().getTime()) / 1000)
  })

  const db = () => stage.payments.db
  const today = () => dayOf(stage.payments.clock())
  const nextDay = () => stage.pass(86_400)

  async function paid(courseIds: number[] = [1], payType = 'alipay', told = true): Promise<Paid> {
    const order = await play(stage, await stage.newBuyer(), courseIds, payType)
    expect(await order.do('pay')).toBe('done')
    if (told) expect(await order.do('notify')).toBe('done')
    const trade = stage.gateway.trades.get(order.orderNo)
    if (!trade) throw new Error('not paid')
    return { order, attemptNo: order.orderNo, tradeNo: trade.tradeNo, amount: trade.amount }
  }

  const line = (of: Paid, kind: 'payment' | 'refund', amount: Fen, requestNo = ''): BillLine => ({
    ...{ kind, tradeNo: of.tradeNo, attemptNo: of.attemptNo, requestNo, amount, fee: 0 },
    at: stage.payments.clock(),
  })

  async function run(day: string, lines: readonly BillLine[], provider = 'alipay') {
    stage.gateway.bills.set(`${provider} ${day}`, lines)
    expect(await reconcileDay(stage.payments, { provider, day })).toBe('done')
    return open(day, provider)
  }

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

  async function repair(row: { id: number } | undefined, how: Repair): Promise<string> {
    if (!row) throw new Error('there is no difference')
    try {
      await repairDifference(stage.payments, staff, { id: row.id, repair: how, note: 'model' }, (_, work) => work())
      return 'done'
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error)
    }
  }

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
  return {
    get stage() {
      return stage
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
    open,
    repair,
    orderOf,
    accessOf,
    refundsOf,
  }
}
