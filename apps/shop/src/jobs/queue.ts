/** The job queue over PostgreSQL: runs the tasks that it is given, without any subject's rules. */
import { Logger, type ParsedCronItem, parseCronItems, run, type TaskList } from 'graphile-worker'
import type pg from 'pg'
import type { Logger as Log } from 'pino'

export interface Repeating {
  readonly task: string
  /** The schedule in crontab syntax, in UTC. */
  readonly match: string
}

export interface Queue {
  stop(): Promise<void>
}

export async function startQueue(
  pool: pg.Pool,
  tasks: TaskList,
  repeating: readonly Repeating[],
  log: Log,
): Promise<Queue> {
  const items: ParsedCronItem[] = parseCronItems(
    repeating.map(({ task, match }) => ({ task, match, options: { backfillPeriod: 0, maxAttempts: 1 } })),
  )
  const runner = await run({
    pgPool: pool,
    taskList: tasks,
    parsedCronItems: items,
    concurrency: 4,
    noHandleSignals: true,
    pollInterval: 2000,
    logger: new Logger(() => (level, message) => {
      if (level === 'error') log.error(message)
      else if (level === 'warning') log.warn(message)
      else log.debug(message)
    }),
  })
  return { stop: () => runner.stop() }
}

/**
 * Unlocks the jobs of workers that were killed, for which the queue would wait four hours. A job that merely takes long
 * may then run twice, which all our tasks allow.
 */
export async function freeLostJobs(pool: pg.Pool): Promise<void> {
  await pool.query(`select graphile_worker.force_unlock_workers(array(
    select locked_by from graphile_worker.jobs where locked_at < now() - interval '2 minutes'))`)
  // A repeating task has one attempt and is scheduled again anyway, so a failed run is not a dead letter.
  await pool.query(`select graphile_worker.complete_jobs(array(
    select id from graphile_worker.jobs where max_attempts = 1 and attempts >= 1 and locked_at is null))`)
}
