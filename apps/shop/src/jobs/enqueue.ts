/** Puts a job into the queue in the caller's transaction: it runs if and only if that commits. */
import { sql } from 'kysely'
import type { Reader } from '../db/connect.ts'

/** @param from the earliest time to run it; immediately by default */
export async function enqueue(
  tx: Reader,
  task: string,
  payload: Readonly<Record<string, unknown>>,
  from?: Date,
): Promise<void> {
  const text = JSON.stringify(payload)
  await sql`select graphile_worker.add_job(${task}, ${text}::json, run_at => ${from ?? null}::timestamptz)`.execute(tx)
}
