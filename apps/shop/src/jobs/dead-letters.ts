/** The queue's jobs as staff see them: waiting, running, and dead, which are run again by hand. */
import { sql } from 'kysely'
import type { Reader } from '../database/connect.ts'

export const JOB_STATES = ['dead', 'waiting', 'running'] as const

export type JobState = (typeof JOB_STATES)[number]

export interface Job {
  readonly id: string
  readonly task: string
  readonly payload: unknown
  readonly attempts: number
  readonly maxAttempts: number
  readonly lastError: string | null
  readonly runAt: Date
  readonly createdAt: Date
  readonly lockedAt: Date | null
}

const WHERE: Readonly<Record<JobState, string>> = {
  dead: 'jobs.attempts >= jobs.max_attempts and jobs.locked_at is null',
  waiting: 'jobs.attempts < jobs.max_attempts and jobs.locked_at is null',
  running: 'jobs.locked_at is not null',
}

/** The oldest hundred. The queue's public view has no payload, so that is read beside it. */
export async function listJobs(db: Reader, state: JobState): Promise<Job[]> {
  const { rows } = await sql<Job>`
    select jobs.id::text as id, jobs.task_identifier as task, private.payload, jobs.attempts, jobs.max_attempts as "maxAttempts",
      jobs.last_error as "lastError", jobs.run_at as "runAt", jobs.created_at as "createdAt", jobs.locked_at as "lockedAt"
    from graphile_worker.jobs join graphile_worker._private_jobs private on private.id = jobs.id
    where ${sql.raw(WHERE[state])}
    order by jobs.id limit 100`.execute(db)
  return rows
}

/** Gives a dead job all its tries again, now. @returns false when it is not dead (any more) */
export async function runAgain(db: Reader, id: string): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    select id::text from graphile_worker.reschedule_jobs(
      array(select id from graphile_worker.jobs
            where id = ${id}::bigint and attempts >= max_attempts and locked_at is null),
      run_at => now(), attempts => 0)`.execute(db)
  return rows.length > 0
}
