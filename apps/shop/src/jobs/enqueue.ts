/** Puts work into the queue, in the transaction of what causes it: it is done if and only if that is committed. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'

export async function enqueue(
  tx: Transaction,
  task: string,
  payload: Readonly<Record<string, unknown>>,
): Promise<void> {
  await sql`select graphile_worker.add_job(${task}, ${JSON.stringify(payload)}::json)`.execute(tx)
}
