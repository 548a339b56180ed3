/** Puts work into the queue, in the transaction of what causes it: it is done if and only if that is committed. */
import { sql } from 'kysely'
import type { Reader } from '../database/connect.ts'

/** @param from when it is to be done at the earliest; at once if not said */
export async function enqueue(
  tx: Reader,
  task: string,
  payload: Readonly<Record<string, unknown>>,
  from?: Date,
): Promise<void> {
  const text = JSON.stringify(payload)
  await sql`select graphile_worker.add_job(${task}, ${text}::json, run_at => ${from ?? null}::timestamptz)`.execute(tx)
}
