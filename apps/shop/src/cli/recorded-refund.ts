/**
 * A refund made with a command moves money like any other: it is in the audit log before it is sent, and in the books once
 * it was made.
 */
import { join } from 'node:path'
import { auditCommand } from '../admin/audit.ts'
import { dayOf } from '../beijing-day.ts'
import { type Call, type Command, optional, type RefundMade } from '../command.ts'
import type { Database } from '../db/connect.ts'
import { hasCluster } from '../db/embedded/server.ts'
import { ShopError } from '../errors.ts'
import { recordMadeRefund } from '../payments/refunds/made.ts'
import { withTables } from './database.ts'

/** Without a shop the command only talks to the gateway. */
export const recorded = (name: string, command: Command): Command => ({
  ...command,
  async run(call) {
    const { databaseUrl, dataDir } = call.config
    if (!databaseUrl && !hasCluster(join(dataDir, 'postgres'))) return command.run(call)
    return withTables(call.config, async (db) => {
      await announce(db, name, call)
      const answer = await command.run(call)
      const problem = answer.refunded && (await book(db, answer.refunded))
      if (problem) call.remark(problem)
      return answer
    })
  },
})

const announce = (db: Database, name: string, call: Call): Promise<void> => {
  const given = (option: string) => optional(call, option)
  const number = given('trade-no') ?? given('out-trade-no') ?? ''
  const after = { command: name, requestNo: given('request-no'), amount: given('amount') }
  const entry = { action: 'refund.command', subject: `trades/${number}`, after, note: given('reason') ?? '' }
  return db.transaction().execute((tx) => auditCommand(tx, { at: new Date(), sensitive: true, ...entry }))
}

/** @returns why it is not in the books, if it is not */
async function book(db: Database, { at, ...refund }: RefundMade): Promise<string | undefined> {
  const now = new Date()
  const made = { ...refund, at: at ?? now, day: dayOf(at ?? now), by: { actor: 'staff' }, now } as const
  try {
    await db.transaction().execute((tx) => recordMadeRefund(tx, made))
    return undefined
  } catch (error) {
    if (!(error instanceof ShopError)) throw error
    return error.code === 'REFUND_NOT_POSSIBLE'
      ? 'the shop has no such payment in its books; the refund is only in its audit log'
      : `the refund is not in the shop's books yet (${error.code}): reconcile ${made.day} once its bill is ready`
  }
}
