/** The queue's jobs for staff: waiting, running, and dead ones, which can be run again. */
import { sql } from 'kysely'
import type { Reader, Transaction } from '../db/connect.ts'

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

/** Oldest first, after the given job. The queue's public view lacks the payload, so that is read separately. */
export async function listJobs(
  db: Reader,
  {
    state,
    task,
    after,
    limit,
  }: { state: JobState; task: string | undefined; after: string | undefined; limit: number },
): Promise<Job[]> {
  const { rows } = await sql<Job>`
    select jobs.id::text as id, jobs.task_identifier as task, private.payload, jobs.attempts, jobs.max_attempts as "maxAttempts",
      jobs.last_error as "lastError", jobs.run_at as "runAt", jobs.created_at as "createdAt", jobs.locked_at as "lockedAt"
    from graphile_worker.jobs join graphile_worker._private_jobs private on private.id = jobs.id
    where ${sql.raw(WHERE[state])}
      and (${task ?? null}::text is null or jobs.task_identifier = ${task ?? null})
      and (${after ?? null}::bigint is null or jobs.id > ${after ?? null}::bigint)
    order by jobs.id limit ${limit}`.execute(db)
  return rows
}

/** The tasks that have jobs in this state. */
export async function tasksIn(db: Reader, state: JobState): Promise<string[]> {
  const { rows } = await sql<{ task: string }>`
    select distinct jobs.task_identifier as task from graphile_worker.jobs where ${sql.raw(WHERE[state])}
    order by task`.execute(db)
  return rows.map(({ task }) => task)
}

/** Gives a dead job all its attempts again. @returns its state before; undefined if it is not dead (any more) */
export async function runAgain(
  tx: Transaction,
  id: string,
): Promise<{ task: string; attempts: number; lastError: string | null } | undefined> {
  const { rows } = await sql<{ task: string; attempts: number; lastError: string | null }>`
    select task_identifier as task, attempts, last_error as "lastError" from graphile_worker.jobs where id = ${id}::bigint`.execute(
    tx,
  )
  const { rows: again } = await sql<{ id: string }>`
    select id::text from graphile_worker.reschedule_jobs(
      array(select id from graphile_worker.jobs
            where id = ${id}::bigint and attempts >= max_attempts and locked_at is null),
      run_at => now(), attempts => 0)`.execute(tx)
  return again.length > 0 ? rows[0] : undefined
}
