/** Trial payments: started by staff, and shown step by step. */
import type { Database, Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { formatYuan, toFen } from '../../money.ts'
import { newNumber } from '../../orders/number.ts'
import { signedLink } from '../checkout/pay-links.ts'
import { type Check, type Client, type PayLink, SOMEWHERE } from '../contract.ts'
import { findProvider, type Payments } from '../payments.ts'
import type { RefundStatus } from '../refunds/states.ts'
import { ADVANCE_TRIAL } from '../tasks.ts'

/** The smallest amount that both gateways accept. */
const TRIAL_AMOUNT = toFen(1)
/** Shown to the buyer at the gateway. */
export const TRIAL_SUBJECT = '学城 试付 Trial payment'
/** Where a trial can be paid: each device may use a different product, with its own contract. */
export const TRIAL_DEVICES = ['computer', 'phone'] as const
export type TrialDevice = (typeof TRIAL_DEVICES)[number]
export const TRIAL_PAGE = '/admin/settings/trial'
const TRIAL_TTL_MS = 15 * 60_000
/** How long the refund waits for the notification: after a refund, a gateway may no longer send it. */
export const NOTIFICATION_PATIENCE_MS = 60_000
/** If a gateway reports nothing new for this long, the page gives advice. */
const QUIET_MS = 60_000

export const TRIAL_STEPS = ['link', 'payment', 'notification', 'query', 'refund', 'refund_query'] as const
export const STEP_STATES = ['todo', 'doing', 'done', 'late', 'failed'] as const
/** Codes of the advice for a step that does not proceed; the page has the texts. */
export const ADVICE = [
  'PAY_NOW',
  'ABANDONED',
  'NOTIFICATION_LATE',
  'NOTIFICATION_REFUSED',
  'GATEWAY_SILENT',
  'QUERY_DIFFERS',
  'REFUND_WAITS',
  'REFUND_REFUSED',
] as const

export interface TrialStep {
  readonly step: (typeof TRIAL_STEPS)[number]
  readonly state: (typeof STEP_STATES)[number]
  readonly at: string | null
  /** A number to find it by: the gateway's trade number, or the refund's number. */
  readonly seen: string | null
  readonly advice: (typeof ADVICE)[number] | null
  /** The notification that arrived, for the link to its page in the inbox. */
  readonly notificationId: number | null
  /** Which of the notification's checks failed. */
  readonly failedCheck: string | null
}

/**
 * Creates a trial payment with its link in the caller's transaction, and queues a job that follows it.
 * @returns its number
 * @throws ShopError PAY_METHOD_UNAVAILABLE, TRIAL_FROM_PRIVATE_NETWORK where a phone would get another product than
 * buyers' phones
 */
export async function startTrial(
  tx: Transaction,
  payments: Payments,
  trial: { payType: string; client: Client; userId: number },
): Promise<string> {
  const provider = findProvider(payments, trial.payType)
  const now = payments.clock()
  const attemptNo = newNumber(now)
  const { client } = trial
  const channel = provider.channelFor(client)
  if (channel !== provider.channelFor({ ...client, address: SOMEWHERE }))
    throw new ShopError('TRIAL_FROM_PRIVATE_NETWORK')
  const expiresAt = new Date(Math.floor(now.getTime() / 1000) * 1000 + TRIAL_TTL_MS)
  const merchant = provider.merchant ?? null
  const named = { attemptNo, orderNo: attemptNo, page: TRIAL_PAGE, subject: TRIAL_SUBJECT }
  const attempt = { ...named, amount: TRIAL_AMOUNT, expiresAt, channel, merchant }
  const link = await signedLink(provider.links, attempt)
  const { id } = await tx
    .insertInto('trial_payments')
    .values({
      attempt_no: attemptNo,
      provider: provider.name,
      channel,
      merchant,
      amount_fen: TRIAL_AMOUNT,
      payer_address: client.address,
      started_by: trial.userId,
      started_at: now,
      expires_at: expiresAt,
      link: link ? JSON.stringify(link) : null,
      link_at: link ? now : null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await enqueue(tx, ADVANCE_TRIAL, { trialId: id })
  return attemptNo
}

/** The notification that reported the payment, if one arrived and was accepted. */
export const arrivedNotification = (db: Reader, attemptNo: string) =>
  db
    .selectFrom('notifications')
    .select(['id', 'received_at'])
    .where('attempt_no', '=', attemptNo)
    .where('effect', 'in', ['settled', 'repeated'])
    .orderBy('id')
    .executeTakeFirst()

const refusedNotification = (db: Reader, attemptNo: string) =>
  db
    .selectFrom('notifications')
    .select(['id', 'received_at', 'checks'])
    .where('attempt_no', '=', attemptNo)
    .where('accepted', '=', false)
    .orderBy('id', 'desc')
    .executeTakeFirst()

const trials = (db: Reader) =>
  db
    .selectFrom('trial_payments')
    .innerJoin('users', 'users.id', 'trial_payments.started_by')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'trial_payments.unmatched_id')
    .leftJoin('refunds', 'refunds.id', 'unmatched_payments.refund_id')
    .selectAll('trial_payments')
    .select(['users.username', 'refunds.request_no', 'refunds.status as refund_status', 'refunds.refusal'])
    .select(['refunds.finished_at as refunded_at', 'refunds.requested_at as refund_requested_at'])

type TrialRow = Awaited<ReturnType<ReturnType<typeof trials>['executeTakeFirstOrThrow']>>

/** The latest trials, newest first. */
export async function listTrials(payments: Payments): Promise<ReturnType<typeof writeTrial>[]> {
  const rows = await trials(payments.db).orderBy('trial_payments.id', 'desc').limit(10).execute()
  return Promise.all(rows.map((row) => viewTrial(payments.db, row, payments.clock())))
}

/** Whether a number that a gateway knows belongs to a trial payment, and so to no order. */
export async function isTrial(db: Reader, attemptNo: string): Promise<boolean> {
  const trial = await db
    .selectFrom('trial_payments')
    .select('id')
    .where('attempt_no', '=', attemptNo)
    .executeTakeFirst()
  return trial !== undefined
}

/** @throws ShopError NOT_FOUND */
export async function readTrial(payments: Payments, number: string): Promise<ReturnType<typeof writeTrial>> {
  const row = await trials(payments.db).where('trial_payments.attempt_no', '=', number).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  return viewTrial(payments.db, row, payments.clock())
}

interface Notice {
  readonly id: number
  readonly received_at: Date
}

type RefusedNotice = Notice & { readonly checks: readonly Check[] }

interface Notices {
  readonly taken?: Notice | undefined
  readonly refused?: RefusedNotice | undefined
}

async function viewTrial(db: Database, row: TrialRow, now: Date) {
  const taken = await arrivedNotification(db, row.attempt_no)
  const refused = taken ? undefined : await refusedNotification(db, row.attempt_no)
  return writeTrial(row, { taken, refused }, now)
}

function writeTrial(row: TrialRow, notices: Notices, now: Date) {
  const link: PayLink | null = row.seen_at || row.closed_at ? null : row.link
  const steps = stepsOf(row, notices, now)
  return {
    number: row.attempt_no,
    payType: row.provider,
    amount: formatYuan(row.amount_fen),
    startedAt: writeMoment(row.started_at),
    startedBy: row.username,
    expiresAt: writeMoment(row.expires_at),
    payUrl: link && 'payUrl' in link ? link.payUrl : null,
    codeUrl: link && 'codeUrl' in link ? link.codeUrl : null,
    scanUrl: link && 'codeUrl' in link ? (link.scanUrl ?? null) : null,
    outcome: outcomeOf(row, steps),
    steps,
  }
}

export const OUTCOMES = ['waiting', 'under_way', 'passed', 'failed', 'abandoned'] as const

function outcomeOf(row: TrialRow, steps: readonly TrialStep[]): (typeof OUTCOMES)[number] {
  if (row.closed_at) return 'abandoned'
  if (steps.every(({ state }) => state === 'done')) return 'passed'
  if (row.confirmed_at || steps.some(({ state }) => state === 'failed')) return 'failed'
  return row.seen_at ? 'under_way' : 'waiting'
}

function stepsOf(row: TrialRow, { taken, refused }: Notices, now: Date): TrialStep[] {
  const step = (
    name: TrialStep['step'],
    state: TrialStep['state'],
    at: Date | null = null,
    more: Partial<Pick<TrialStep, 'seen' | 'advice' | 'notificationId' | 'failedCheck'>> = {},
  ): TrialStep => ({
    step: name,
    state,
    at: writeMomentOrNull(at),
    seen: null,
    advice: null,
    notificationId: null,
    failedCheck: null,
    ...more,
  })
  const since = (moment: Date | null): number => (moment ? now.getTime() - moment.getTime() : 0)
  const silent = row.answer === 'no answer' ? { advice: 'GATEWAY_SILENT' as const } : {}

  const link = row.link_at ? step('link', 'done', row.link_at) : step('link', 'doing', null, silent)

  const seen = row.trade_no
  const payment = row.seen_at
    ? step('payment', 'done', row.seen_at, { seen })
    : row.closed_at
      ? step('payment', 'failed', row.closed_at, { advice: 'ABANDONED' })
      : step('payment', row.link_at ? 'doing' : 'todo', null, { advice: 'PAY_NOW', ...silent })

  const notification = taken
    ? step('notification', 'done', taken.received_at, { notificationId: taken.id })
    : refused
      ? step('notification', 'failed', refused.received_at, {
          advice: 'NOTIFICATION_REFUSED',
          notificationId: refused.id,
          failedCheck: refused.checks.find(({ passed }) => !passed)?.check ?? null,
        })
      : !row.seen_at
        ? step('notification', 'todo')
        : since(row.seen_at) < NOTIFICATION_PATIENCE_MS
          ? step('notification', 'doing')
          : step('notification', 'late', null, { advice: 'NOTIFICATION_LATE' })

  const query = row.agreed_at
    ? step('query', 'done', row.agreed_at, { seen })
    : !row.seen_at
      ? step('query', 'todo')
      : since(row.seen_at) < QUIET_MS
        ? step('query', 'doing', null, silent)
        : step('query', 'late', row.asked_at, { advice: 'QUERY_DIFFERS', ...silent })

  return [link, payment, notification, query, ...refundSteps(row, step, since, silent)]
}

function refundSteps(
  row: TrialRow,
  step: (
    name: TrialStep['step'],
    state: TrialStep['state'],
    at?: Date | null,
    more?: Partial<Pick<TrialStep, 'seen' | 'advice'>>,
  ) => TrialStep,
  since: (moment: Date | null) => number,
  silent: { advice?: 'GATEWAY_SILENT' },
): TrialStep[] {
  const seen = row.request_no
  const status: RefundStatus | null = row.refund_status
  if (status === null || row.closed_at) return [step('refund', 'todo'), step('refund_query', 'todo')]
  if (status === 'refused') {
    return [step('refund', 'failed', row.refunded_at, { seen, advice: 'REFUND_REFUSED' }), step('refund_query', 'todo')]
  }
  if (status !== 'succeeded') {
    const late = since(row.refund_requested_at) > QUIET_MS
    const refund = late ? step('refund', 'late', null, { seen, advice: 'REFUND_WAITS' }) : step('refund', 'doing')
    return [refund, step('refund_query', 'todo')]
  }
  const refund = step('refund', 'done', row.refunded_at, { seen })
  if (row.confirmed_at) return [refund, step('refund_query', 'done', row.confirmed_at, { seen })]
  return [refund, step('refund_query', since(row.refunded_at) > QUIET_MS ? 'late' : 'doing', null, silent)]
}
