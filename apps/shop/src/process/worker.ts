/** The shop's jobs: their tasks and their schedule. */
import { Value } from 'typebox/value'
import { forgetFailures } from '../auth/limits/login-limits.ts'
import { forgetProofs } from '../auth/limits/proof-of-work.ts'
import { forgetSecurityEvents } from '../auth/security-log/events.ts'
import { forgetSessions } from '../auth/sessions/sessions.ts'
import { removeUnused } from '../catalog/files/uploads.ts'
import { countLearners } from '../catalog/learners.ts'
import { analyzePartitions, keepPartitions } from '../db/partitions.ts'
import { IMPORT_STUDENTS, ImportTask } from '../enrolments/imports/imports.ts'
import { resumeImports, stepImport } from '../enrolments/imports/run.ts'
import { forgetKeys } from '../http/idempotency.ts'
import { freeLostJobs, type Queue, startQueue } from '../jobs/queue.ts'
import { closeLeftAttempts } from '../payments/gateway-sync/close-attempts.ts'
import { expireOrders } from '../payments/gateway-sync/close-order.ts'
import { queryDueAttempts } from '../payments/gateway-sync/query-due.ts'
import { sendLeftRefunds, sendRefund } from '../payments/gateway-sync/send-refund.ts'
import { pruneUnverified } from '../payments/notifications/prune-unverified.ts'
import { forgetQuotas } from '../payments/notifications/unverified-quota.ts'
import {
  ADVANCE_TRIAL,
  CLOSE_ATTEMPTS,
  CloseAttemptsTask,
  RefundTask,
  SEND_REFUND,
  TrialTask,
} from '../payments/tasks.ts'
import { advanceLeftTrials, followTrial } from '../payments/trials/steps.ts'
import { ReconcileTask, reconcileDueDays, reconcileWanted } from '../reconciliation/daily.ts'
import { RECONCILE } from '../reconciliation/run.ts'
import { sumUpDays } from '../reconciliation/sales-days.ts'
import type { Shop } from './shop.ts'

const HOUSEKEEPING = { sessionsDays: 30, keysDays: 2 }

/** Skips a run while the previous one is still in progress: it would only do the same work. */
function oneAtATime(work: () => Promise<unknown>): () => Promise<void> {
  let running = false
  return async () => {
    if (running) return
    running = true
    try {
      await work()
    } finally {
      running = false
    }
  }
}

export async function startJobs({ connection, payments, uploadsFolder, encryption, log }: Shop): Promise<Queue> {
  const { db } = connection
  const importing = { db, encryption, clock: payments.clock }
  const tasks = {
    'ask-open-attempts': oneAtATime(() => queryDueAttempts(payments)),
    'expire-orders': oneAtATime(() => expireOrders(payments)),
    'send-left-refunds': oneAtATime(() => sendLeftRefunds(payments)),
    [SEND_REFUND]: async (payload: unknown) => {
      await sendRefund(payments, Value.Parse(RefundTask, payload).refundId)
    },
    [CLOSE_ATTEMPTS]: async (payload: unknown) => {
      await closeLeftAttempts(payments, Value.Parse(CloseAttemptsTask, payload).orderId)
    },
    [ADVANCE_TRIAL]: async (payload: unknown) => {
      await followTrial(payments, Value.Parse(TrialTask, payload).trialId)
    },
    'advance-left-trials': oneAtATime(() => advanceLeftTrials(payments)),
    [IMPORT_STUDENTS]: async (payload: unknown) => {
      await stepImport(importing, Value.Parse(ImportTask, payload))
    },
    'resume-imports': oneAtATime(() => resumeImports(importing)),
    [RECONCILE]: async (payload: unknown) => {
      await reconcileWanted(payments, Value.Parse(ReconcileTask, payload))
    },
    'reconcile-due-days': oneAtATime(() => reconcileDueDays(payments)),
    'sum-up-days': oneAtATime(() => sumUpDays(db, payments.clock())),
    'count-learners': oneAtATime(() => countLearners(db)),
    'remove-unused-uploads': oneAtATime(() => removeUnused(db, uploadsFolder, payments.clock())),
    'free-lost-jobs': () => freeLostJobs(connection.pool),
    'prune-unverified': oneAtATime(() => pruneUnverified(db, payments.clock())),
    'keep-months': oneAtATime(() => keepPartitions(db, payments.clock(), log)),
    'analyze-months': oneAtATime(() => analyzePartitions(db)),
    'forget-what-ended': async () => {
      const daysAgo = (days: number) => new Date(payments.clock().getTime() - days * 86_400_000)
      await forgetSessions(db, daysAgo(HOUSEKEEPING.sessionsDays))
      await forgetKeys(db, daysAgo(HOUSEKEEPING.keysDays))
      await forgetFailures(db, daysAgo(1))
      await forgetProofs(db, payments.clock())
      await forgetSecurityEvents(db, payments.clock())
      await forgetQuotas(db, daysAgo(2))
    },
  }
  const repeating = [
    { task: 'ask-open-attempts', match: '* * * * *' },
    { task: 'advance-left-trials', match: '* * * * *' },
    { task: 'expire-orders', match: '* * * * *' },
    { task: 'resume-imports', match: '* * * * *' },
    { task: 'reconcile-due-days', match: '8 * * * *' },
    { task: 'sum-up-days', match: '*/5 * * * *' },
    { task: 'count-learners', match: '*/15 * * * *' },
    { task: 'free-lost-jobs', match: '* * * * *' },
    { task: 'send-left-refunds', match: '*/5 * * * *' },
    { task: 'remove-unused-uploads', match: '41 20 * * *' },
    { task: 'forget-what-ended', match: '17 * * * *' },
    { task: 'prune-unverified', match: '29 * * * *' },
    { task: 'keep-months', match: '23 * * * *' },
    { task: 'analyze-months', match: '37 20 * * 0' },
  ]
  const queue = await startQueue(connection.pool, tasks, repeating, log)
  await resumeImports(importing, { atOnce: true })
  // For a shop that runs only now and then, and never at the scheduled minute.
  await tasks['keep-months']().catch((error: unknown) => log.error({ err: error }, 'months could not be made'))
  return queue
}
