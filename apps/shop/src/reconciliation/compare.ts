/** Compares a day's bill with our books in both directions. Pure: the order of the lines does not matter. */
import { type Fen, sumFen } from '../money.ts'
import { isOurNumber } from '../orders/number.ts'
import type { BillLine } from '../payments/contract.ts'

export const DIFFERENCE_KINDS = [
  'PAID_THERE_UNPAID_HERE',
  'PAID_HERE_UNPAID_THERE',
  'AMOUNT_DIFFERS',
  'UNKNOWN_TRADE',
  'ANOTHER_APPLICATION',
  'REFUND_MISSING_HERE',
  'REFUND_MISSING_THERE',
  'REFUND_AMOUNT_DIFFERS',
  'BILLED_TWICE',
  'FEE_DIFFERS',
] as const

export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

/** Our record of a payment attempt that is in the bill, or that we recorded as paid on that day. */
export interface OurPayment {
  readonly attemptNo: string
  readonly tradeNo: string | null
  readonly orderId: number
  readonly amount: Fen
  readonly paid: boolean
  /** Whether it must be in this bill. */
  readonly due: boolean
}

export interface OurRefund {
  readonly requestNo: string
  readonly attemptNo: string
  readonly tradeNo: string
  readonly orderId: number | null
  readonly amount: Fen
  /**
   * `under way`: the gateway has accepted the refund and reports its result later; it is polled. `spent`: the gateway
   * has closed the refund number, so no money went back under it, whatever an earlier bill said.
   */
  readonly state: 'succeeded' | 'under way' | 'spent' | 'open'
  readonly due: boolean
}

export interface OurBooks {
  readonly payments: readonly OurPayment[]
  readonly refunds: readonly OurRefund[]
  /** The amounts of payments that are already listed as unmatched, by trade number. */
  readonly listed: ReadonlyMap<string, readonly Fen[]>
  /** The keys of refunds whose number the gateway has closed, and which it says were made after all. */
  readonly madeAfterAll?: ReadonlySet<string>
}

export interface Difference {
  readonly kind: DifferenceKind
  readonly tradeNo: string
  readonly attemptNo: string
  readonly requestNo: string
  readonly orderId: number | null
  readonly ours: number | null
  readonly theirs: number | null
}

export function compareBooks(bill: readonly BillLine[], books: OurBooks): Difference[] {
  const { payments, refunds, listed, madeAfterAll } = books
  const paymentOf = new Map(payments.map((payment) => [payment.attemptNo, payment]))
  // A refund made under a number that another one had before counts, not the number that was given up.
  const bySpent = refunds.toSorted((left, right) => Number(right.state === 'spent') - Number(left.state === 'spent'))
  const refundOf = new Map(bySpent.map((refund) => [refundKey(refund), refund]))
  const billed = { payments: new Set<string>(), refunds: new Set<string>() }
  const differences: Difference[] = []
  const lines = [...Map.groupBy(bill, (line) => `${line.kind} ${refundKey(line)}`).values()].map((group) =>
    group.toSorted((left, right) => left.amount - right.amount),
  )
  for (const group of lines) {
    const [line] = group
    if (!line) continue
    differences.push(...billedTwice(group))
    if (line.kind === 'payment') {
      const ours = paymentOf.get(line.attemptNo)
      if (ours?.paid && ours.tradeNo === line.tradeNo) billed.payments.add(ours.attemptNo)
      differences.push(...comparePayment(line, ours, listed))
    } else {
      billed.refunds.add(refundKey(line))
      const ours = refundOf.get(refundKey(line))
      const wasMade = ours?.state === 'spent' && madeAfterAll?.has(refundKey(line))
      const known = wasMade ? { ...ours, state: 'open' as const } : ours
      differences.push(...compareRefund(line, known, paymentOf.get(line.attemptNo), listed))
    }
  }
  for (const ours of payments) {
    if (!ours.due || billed.payments.has(ours.attemptNo)) continue
    const { attemptNo, orderId, amount } = ours
    const what = { tradeNo: ours.tradeNo ?? '', attemptNo, requestNo: '', orderId, ours: amount, theirs: null }
    differences.push({ kind: 'PAID_HERE_UNPAID_THERE', ...what })
  }
  for (const refund of refunds) {
    if (!refund.due || billed.refunds.has(refundKey(refund))) continue
    const { tradeNo, attemptNo, requestNo, orderId, amount } = refund
    const what = { tradeNo, attemptNo, requestNo, orderId, ours: amount, theirs: null }
    differences.push({ kind: 'REFUND_MISSING_THERE', ...what })
  }
  return differences.sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))
}

/** A payment or a refund is in a bill once: a second line is money that nobody expects. */
function billedTwice(lines: readonly BillLine[]): Difference[] {
  const [line, ...again] = lines
  if (!line || again.length === 0) return []
  const { tradeNo, attemptNo, requestNo, amount } = line
  const theirs = sumFen(lines.map((each) => each.amount))
  return [{ kind: 'BILLED_TWICE', tradeNo, attemptNo, requestNo, orderId: null, ours: amount, theirs }]
}

/** A refund number that was entered by hand may be unique within its trade only. */
export const refundKey = ({ tradeNo, requestNo }: { tradeNo: string; requestNo: string }): string =>
  `${tradeNo} ${requestNo}`

/** The identity of a difference, the same in every run. */
export const keyOf = ({ kind, tradeNo, attemptNo, requestNo }: Difference): string =>
  [kind, tradeNo, attemptNo, requestNo].join(' ')

function comparePayment(line: BillLine, ours: OurPayment | undefined, listed: OurBooks['listed']): Difference[] {
  const { tradeNo, attemptNo, amount } = line
  const what = { tradeNo, attemptNo, requestNo: '', orderId: ours?.orderId ?? null, theirs: amount }
  const fee: Difference[] =
    line.expectedFee === undefined || Math.abs(line.fee - line.expectedFee) <= 1
      ? []
      : [{ kind: 'FEE_DIFFERS', ...what, ours: line.expectedFee, theirs: line.fee }]
  if (ours && !(ours.paid && ours.tradeNo !== tradeNo))
    return [...fee, ...compareAttempt(amount, ours, listed.get(tradeNo), what)]
  // A payment that is listed as unmatched is in our books, though it belongs to no order.
  const amounts = listed.get(tradeNo)
  if (amounts)
    return amounts.includes(amount) ? fee : [...fee, { kind: 'AMOUNT_DIFFERS', ...what, ours: amounts[0] ?? null }]
  if (!ours && isForeign(line)) return [{ kind: 'ANOTHER_APPLICATION', ...what, ours: null }]
  return [...fee, { kind: 'UNKNOWN_TRADE', ...what, ours: null }]
}

/**
 * Whether a trade that our books do not have is, or may be, another system's that uses the same merchant: the bill names
 * another application, or its number does not have the form of ours.
 */
const isForeign = ({ isOfAnotherApplication, attemptNo }: BillLine): boolean =>
  isOfAnotherApplication === true || !isOurNumber(attemptNo)

function compareAttempt(
  amount: Fen,
  ours: OurPayment,
  listed: readonly Fen[] | undefined,
  what: Omit<Difference, 'kind' | 'ours'>,
): Difference[] {
  // What came with another amount than the order's is listed with what came.
  if (!ours.paid && listed?.includes(amount)) return []
  if (ours.amount !== amount) return [{ kind: 'AMOUNT_DIFFERS', ...what, ours: ours.amount }]
  return ours.paid ? [] : [{ kind: 'PAID_THERE_UNPAID_HERE', ...what, ours: null }]
}

function compareRefund(
  line: BillLine,
  ours: OurRefund | undefined,
  payment: OurPayment | undefined,
  listed: OurBooks['listed'],
): Difference[] {
  const { tradeNo, attemptNo, requestNo, amount } = line
  const orderId = ours?.orderId ?? payment?.orderId ?? null
  const what = { tradeNo, attemptNo, requestNo, orderId, theirs: amount }
  if (ours?.state === 'under way' || ours?.state === 'spent') return []
  if (!ours && !payment && !listed.has(tradeNo) && isForeign(line))
    return [{ kind: 'ANOTHER_APPLICATION', ...what, ours: null }]
  if (ours?.state !== 'succeeded') return [{ kind: 'REFUND_MISSING_HERE', ...what, ours: null }]
  return ours.amount === amount ? [] : [{ kind: 'REFUND_AMOUNT_DIFFERS', ...what, ours: ours.amount }]
}
