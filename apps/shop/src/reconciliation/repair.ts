/** What staff do about a difference, each repair recorded with who, when and why. */
import { audit } from '../accounts/audit.ts'
import type { Staff } from '../accounts/desk.ts'
import { countAgain } from '../backoffice/count-days.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { toFen } from '../money.ts'
import { addHistory } from '../orders/history.ts'
import { askAbout } from '../payments/ask.ts'
import { makeRefundGood, type NamedRefund, recordForeignRefund, refundNamed } from '../payments/foreign-refunds.ts'
import { type Payments, providerNamed } from '../payments/payments.ts'
import { sendRefundAgain } from '../payments/refund-decisions.ts'
import { requestUnmatchedRefund } from '../payments/refunds.ts'
import { sendRefund } from '../payments/send-refund.ts'
import { askBeforePayingBack, listUnmatched } from '../payments/unmatched.ts'
import type { By } from '../states.ts'
import type { DifferenceKind } from './compare.ts'

export const REPAIRS = ['settle', 'refund', 'record', 'ask', 'seen'] as const

export type Repair = (typeof REPAIRS)[number]

/** What can be done about each kind. `ask`: the gateway's answer may explain it. `seen` takes note of it: nothing is to be done, or it was done elsewhere. */
export const REPAIRS_OF: Readonly<Record<DifferenceKind, readonly Repair[]>> = {
  PAID_THERE_UNPAID_HERE: ['settle', 'seen'],
  PAID_HERE_UNPAID_THERE: ['ask', 'seen'],
  AMOUNT_DIFFERS: ['refund', 'seen'],
  UNKNOWN_TRADE: ['refund', 'seen'],
  REFUND_MISSING_HERE: ['record', 'seen'],
  REFUND_MISSING_THERE: ['refund', 'seen'],
  REFUND_AMOUNT_DIFFERS: ['seen'],
  FEE_DIFFERS: ['seen'],
}

export interface DifferenceRow {
  readonly id: number
  readonly provider: string
  readonly day: string
  readonly kind: DifferenceKind
  readonly trade_no: string
  readonly attempt_no: string
  readonly request_no: string
  readonly order_id: number | null
  readonly ours_fen: number | null
  readonly theirs_fen: number | null
  readonly gone_at: Date | null
  readonly repaired_at: Date | null
}

export const isOpen = (row: { gone_at: Date | null; repaired_at: Date | null }): boolean =>
  row.gone_at === null && row.repaired_at === null

export interface WantedRepair {
  readonly id: number
  readonly repair: Repair
  readonly note: string
}

/**
 * Applies a repair, any number of times with one effect.
 * @param close what the last transaction does around the closing of the difference
 * @throws ShopError NOT_FOUND; DIFFERENCE_CLOSED when it is not open; REPAIR_UNFIT when it does not fit the difference;
 * and whatever the repair itself is refused with
 */
export async function repairDifference<Answer>(
  payments: Payments,
  staff: Staff,
  { id, repair, note }: WantedRepair,
  close: (tx: Transaction, work: () => Promise<void>) => Promise<Answer>,
): Promise<Answer> {
  const row = await payments.db
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  if (!isOpen(row)) throw new ShopError('DIFFERENCE_CLOSED')
  if (!REPAIRS_OF[row.kind].includes(repair)) throw new ShopError('REPAIR_UNFIT')
  if (repair === 'settle') await settleNow(payments, row)
  if (repair === 'ask') await askNow(payments, row)
  if (repair === 'refund' && row.kind === 'REFUND_MISSING_THERE')
    await makeRefundGood(payments, nameOf(row), { day: row.day, reason: note, also: countAgain })
  else if (repair === 'refund')
    await askBeforePayingBack(payments, { ...nameOf(row), attemptNo: row.attempt_no, reason: row.kind })
  if (repair === 'record') await learnOfRefund(payments, staff, row)
  return payments.db.transaction().execute((tx) =>
    close(tx, async () => {
      if (repair === 'refund' && row.kind !== 'REFUND_MISSING_THERE')
        await refundForeign(tx, payments, staff, row, note)
      await mark(tx, payments, staff, row, repair, note)
    }),
  )
}

const nameOf = ({ provider, trade_no: tradeNo, request_no: requestNo }: DifferenceRow): NamedRefund => ({
  provider,
  tradeNo,
  requestNo,
})

/** The gateway knows the very payment: its bill is late, or puts it on another day. Anything else explains nothing. */
async function askNow(payments: Payments, row: DifferenceRow): Promise<void> {
  const trade = await providerNamed(payments, row.provider).ask(row.attempt_no, await merchantOf(payments, row))
  const same = trade.state === 'paid' && trade.tradeNo === row.trade_no && trade.amount === row.ours_fen
  if (!same) throw new ShopError('NOT_PAID_THERE')
}

/** The gateway is asked once more: only its own word settles. */
async function settleNow(payments: Payments, row: DifferenceRow): Promise<void> {
  const { provider, attempt_no } = row
  const { trade } = await askAbout(payments, { provider, attempt_no, merchant: await merchantOf(payments, row) })
  if (trade.state !== 'paid') throw new ShopError('REPAIR_UNFIT')
}

/** Where the payment's attempt was opened, as far as that is known. */
async function merchantOf({ db }: Payments, { attempt_no: attemptNo }: DifferenceRow): Promise<string | null> {
  const opened = await db
    .selectFrom('payment_attempts')
    .select('merchant')
    .where('attempt_no', '=', attemptNo)
    .executeTakeFirst()
  return opened?.merchant ?? null
}

/** Money that is on none of our orders: onto the list, and back from there. */
async function refundForeign(
  tx: Transaction,
  payments: Payments,
  staff: Staff,
  row: DifferenceRow,
  note: string,
): Promise<void> {
  const now = payments.clock()
  const listed = await rowsOfTrade(tx, row)
  // It is on its way back already, whatever it was listed for.
  if (listed.some((each) => each.refund_id !== null || each.refunded_fen > 0)) throw new ShopError('REPAIR_UNFIT')
  const known = listed.find((each) => each.resolved_at === null) ?? listed[0]
  const unmatchedId = known?.id ?? (await listAsBilled(tx, row, now))
  await requestUnmatchedRefund(tx, { unmatchedId, reason: note, now, userId: staff.user.id })
}

const rowsOfTrade = (tx: Transaction, row: DifferenceRow) =>
  tx
    .selectFrom('unmatched_payments')
    .select(['id', 'refund_id', 'refunded_fen', 'resolved_at'])
    .where('provider', '=', row.provider)
    .where('trade_no', '=', row.trade_no)
    .orderBy('id')
    .execute()

/** A payment as its day's bill has it, onto the list. */
const listAsBilled = (
  tx: Transaction,
  row: Pick<DifferenceRow, 'provider' | 'trade_no' | 'attempt_no' | 'theirs_fen' | 'kind' | 'order_id'>,
  now: Date,
): Promise<number> =>
  listUnmatched(tx, {
    provider: row.provider,
    tradeNo: row.trade_no,
    attemptNo: row.attempt_no,
    amount: toFen(row.theirs_fen ?? 0),
    reason: row.kind === 'AMOUNT_DIFFERS' ? 'AMOUNT_DIFFERS' : 'UNKNOWN_ATTEMPT',
    orderId: row.order_id,
    now,
    merchant: null,
  })

/**
 * A refund that was made there: one of ours learns of it by being sent with its number again, another is written down. A
 * number that the gateway has closed is neither: nothing went back by it, though a bill names it.
 */
async function learnOfRefund(payments: Payments, staff: Staff, row: DifferenceRow): Promise<void> {
  const { db, clock } = payments
  const by = { actor: 'staff', userId: staff.user.id } as const
  const named = nameOf(row)
  const ours = await refundNamed(db, named)
  if (!ours) {
    // A bill names what was only accepted as well, and never says what became of it.
    const merchant = await merchantOf(payments, row)
    const ref = { attemptNo: row.attempt_no, tradeNo: named.tradeNo, requestNo: named.requestNo, merchant }
    const seen = await providerNamed(payments, named.provider).lookForRefund(ref)
    if (seen && seen.state !== 'succeeded') throw new ShopError('REFUND_UNDER_WAY')
    await db.transaction().execute((tx) => writeDown(tx, row, by, clock()))
    return
  }
  if (ours.spent) throw new ShopError('REFUND_NUMBER_SPENT')
  if (ours.status === 'succeeded') return
  if (ours.status === 'refused') {
    await db.transaction().execute((tx) => sendRefundAgain(tx, { requestNo: ours.request_no, by, now: clock() }))
  }
  await sendRefund(payments, ours.id)
  const told = await refundNamed(db, named)
  if (told?.spent) throw new ShopError('REFUND_NUMBER_SPENT')
  if (told?.status !== 'succeeded') throw new ShopError('REFUND_UNDER_WAY')
}

/** One that was made by hand; money that belongs to no order is put on the list first, as the bill of its day had it. */
async function writeDown(tx: Transaction, row: DifferenceRow, by: By, now: Date): Promise<void> {
  const paid = await tx
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('provider', '=', row.provider)
    .where('trade_no', '=', row.trade_no)
    .where('kind', 'in', ['UNKNOWN_TRADE', 'AMOUNT_DIFFERS'])
    .where('gone_at', 'is', null)
    .executeTakeFirst()
  if (paid && (await rowsOfTrade(tx, row)).length === 0) await listAsBilled(tx, paid, now)
  const amount = toFen(row.theirs_fen ?? 0)
  await recordForeignRefund(tx, { ...nameOf(row), amount, day: row.day, by, now })
}

async function mark(
  tx: Transaction,
  payments: Payments,
  staff: Staff,
  row: DifferenceRow,
  repair: Repair,
  note: string,
): Promise<void> {
  const now = payments.clock()
  const marked = await tx
    .updateTable('reconciliation_differences')
    .set({ repair, repaired_at: now, repaired_by: staff.user.id, note })
    .where('id', '=', row.id)
    .where('repaired_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  if (!marked) throw new ShopError('DIFFERENCE_CLOSED')
  const after = { repair, kind: row.kind, tradeNo: row.trade_no, requestNo: row.request_no }
  await audit(tx, staff, { at: now, action: 'difference.repair', subject: `differences/${row.id}`, after, note })
  if (row.order_id === null) return
  const order = await tx.selectFrom('orders').select('status').where('id', '=', row.order_id).executeTakeFirstOrThrow()
  await addHistory(tx, {
    orderId: row.order_id,
    at: now,
    subject: 'reconciliation',
    number: String(row.id),
    event: repair,
    from: order.status,
    to: order.status,
    reason: `${row.kind}: ${note}`,
    actor: 'staff',
    userId: staff.user.id,
  })
}
