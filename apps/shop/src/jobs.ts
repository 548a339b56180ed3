/** The jobs of the shop: which task does what, and when. */
import { Value } from 'typebox/value'
import { forgetFailures } from './accounts/login-limits.ts'
import { forgetSessions } from './accounts/sessions.ts'
import { sumUpDays } from './backoffice/count-days.ts'
import { resumeExports, stepExport } from './backoffice/export-run.ts'
import { EXPORT_ORDERS, ExportTask, forgetExports } from './backoffice/exports.ts'
import { removeUnused } from './catalog/uploads.ts'
import { analyzeMonths, keepMonths } from './database/months.ts'
import { resumeImports, stepImport } from './enrolments/import-run.ts'
import { IMPORT_STUDENTS, ImportTask } from './enrolments/imports.ts'
import { forgetKeys } from './http/idempotency.ts'
import { freeLostJobs, type Queue, startQueue } from './jobs/queue.ts'
import { askDueAttempts } from './payments/ask-due.ts'
import { closeLeftAttempts } from './payments/close-attempts.ts'
import { expireOrders } from './payments/close-order.ts'
import { sendLeftRefunds, sendRefund } from './payments/send-refund.ts'
import {
  ADVANCE_TRIAL,
  CLOSE_ATTEMPTS,
  CloseAttemptsTask,
  RefundTask,
  SEND_REFUND,
  TrialTask,
} from './payments/tasks.ts'
import { advanceLeftTrials, followTrial } from './payments/trial-steps.ts'
import { ReconcileTask, reconcileDueDays, reconcileWanted } from './reconciliation/daily.ts'
import { RECONCILE } from './reconciliation/run.ts'
import type { Shop } from './shop.ts'

const HOUSEKEEPING = { sessionsDays: 30, keysDays: 2 }

/** A run that takes longer than its interval is not joined by the next one, which would do the same work. */
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

export async function startJobs({ connection, payments, uploadsFolder, seal, log }: Shop): Promise<Queue> {
  const { db } = connection
  const importing = { db, seal, clock: payments.clock }
  const exporting = { db, clock: payments.clock, log }
  const tasks = {
    'ask-open-attempts': oneAtATime(() => askDueAttempts(payments)),
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
    [EXPORT_ORDERS]: async (payload: unknown) => {
      await stepExport(exporting, Value.Parse(ExportTask, payload))
    },
    'resume-exports': oneAtATime(() => resumeExports(exporting)),
    [RECONCILE]: async (payload: unknown) => {
      await reconcileWanted(payments, Value.Parse(ReconcileTask, payload))
    },
    'reconcile-due-days': oneAtATime(() => reconcileDueDays(payments)),
    'sum-up-days': oneAtATime(() => sumUpDays(db, payments.clock())),
    'remove-unused-uploads': oneAtATime(() => removeUnused(db, uploadsFolder, payments.clock())),
    'free-lost-jobs': () => freeLostJobs(connection.pool),
    'keep-months': oneAtATime(() => keepMonths(db, payments.clock(), log)),
    'analyze-months': oneAtATime(() => analyzeMonths(db)),
    'forget-what-ended': async () => {
      const daysAgo = (days: number) => new Date(payments.clock().getTime() - days * 86_400_000)
      await forgetSessions(db, daysAgo(HOUSEKEEPING.sessionsDays))
      await forgetKeys(db, daysAgo(HOUSEKEEPING.keysDays))
      await forgetFailures(db, daysAgo(1))
      await forgetExports(db, payments.clock())
    },
  }
  const repeating = [
    { task: 'ask-open-attempts', match: '* * * * *' },
    { task: 'advance-left-trials', match: '* * * * *' },
    { task: 'expire-orders', match: '* * * * *' },
    { task: 'resume-imports', match: '* * * * *' },
    { task: 'resume-exports', match: '* * * * *' },
    { task: 'reconcile-due-days', match: '8 * * * *' },
    { task: 'sum-up-days', match: '*/5 * * * *' },
    { task: 'free-lost-jobs', match: '* * * * *' },
    { task: 'send-left-refunds', match: '*/5 * * * *' },
    { task: 'remove-unused-uploads', match: '41 20 * * *' },
    { task: 'forget-what-ended', match: '17 * * * *' },
    { task: 'keep-months', match: '23 * * * *' },
    { task: 'analyze-months', match: '37 20 * * 0' },
  ]
  const queue = await startQueue(connection.pool, tasks, repeating, log)
  await resumeImports(importing, { atOnce: true })
  await resumeExports(exporting, { atOnce: true })
  // A shop that is started seldom, and never at the hour's 23rd minute, has its months all the same.
  await tasks['keep-months']().catch((error: unknown) => log.error({ err: error }, 'months could not be made'))
  return queue
}
