/**
 * A refund made with a command moves money like any other: it is in the audit log before it is sent, and in the books once
 * it was made.
 */
import { join } from 'node:path'
import { auditCommand } from '../admin/audit.ts'
import { type Call, type Command, optional, type RefundMade, required } from '../command.ts'
import type { Database } from '../db/connect.ts'
import { hasCluster } from '../db/embedded/server.ts'
import { ShopError } from '../errors.ts'
import { correctMadeRefund } from '../payments/refunds/correct.ts'
import { recordMadeRefund } from '../payments/refunds/made.ts'
import { withTables } from './database.ts'

/** Without a shop the command only talks to the gateway. */
export const recorded = (name: string, command: Command): Command => ({
  ...command,
  async run(call) {
    const { databaseUrl, dataDir } = call.config
    if (!databaseUrl && !hasCluster(join(dataDir, 'postgres'))) return command.run(call)
    const given = { number: numberOf(call), requestNo: required(call, 'request-no'), amount: required(call, 'amount') }
    return withTables(call.config, async (db) => {
      await refuseWhileAnotherWaits(db, name, given)
      await auditFirst(db, name, { ...given, note: optional(call, 'reason') ?? '' })
      const answer = await command.run(call)
      const problem = answer.refunded && (await book(db, answer.refunded))
      if (problem) call.remark(problem)
      return answer
    })
  },
})

const numberOf = (call: Call): string =>
  optional(call, 'trade-no') ?? optional(call, 'out-trade-no') ?? required(call, 'out-trade-no')

interface Given {
  /** The trade's, or its attempt's. */
  readonly number: string
  readonly requestNo: string
  readonly amount: string
}

/**
 * Another refund of the payment would not give way to this one, and the money would go back twice.
 * @throws ShopError REFUND_UNDER_WAY, REQUEST_UNDECIDED
 */
async function refuseWhileAnotherWaits(db: Database, name: string, { number, requestNo }: Given): Promise<void> {
  const [provider = ''] = name.split(' ')
  const others = await db
    .selectFrom('refunds')
    .leftJoin('payment_attempts as paid', 'paid.id', 'refunds.attempt_id')
    .leftJoin('unmatched_payments as listed', 'listed.id', 'refunds.unmatched_id')
    .select('refunds.status')
    .where('refunds.status', 'in', ['requested', 'approved', 'sent'])
    .where('refunds.request_no', '<>', requestNo)
    .where(({ eb, fn }) => eb(fn.coalesce('paid.provider', 'listed.provider'), '=', provider))
    .where(({ eb, fn, or }) =>
      or([
        eb(fn.coalesce('paid.trade_no', 'listed.trade_no'), '=', number),
        eb(fn.coalesce('paid.attempt_no', 'listed.attempt_no'), '=', number),
      ]),
    )
    .execute()
  if (others.some(({ status }) => status !== 'requested')) throw new ShopError('REFUND_UNDER_WAY')
  if (others.length > 0) throw new ShopError('REQUEST_UNDECIDED')
}

const auditFirst = (db: Database, name: string, { number, requestNo, amount, note }: Given & { note: string }) => {
  const after = { command: name, requestNo, amount }
  const entry = { action: 'refund.command', subject: `trades/${number}`, after, note, sensitive: true }
  return db.transaction().execute((tx) => auditCommand(tx, { at: new Date(), ...entry }))
}

/**
 * The gateway's amount counts, also for a refund of ours with another one. The money has moved: no failure here hides the
 * gateway's answer.
 * @returns why it is not in the books, if it is not
 */
async function book(db: Database, { at, ...refund }: RefundMade): Promise<string | undefined> {
  const made = { ...refund, at, by: { actor: 'staff' }, now: new Date() } as const
  try {
    await db.transaction().execute(async (tx) => {
      await recordMadeRefund(tx, made)
      await correctMadeRefund(tx, made)
    })
    return undefined
  } catch (error) {
    const code = error instanceof ShopError ? error.code : String(error).split('\n')[0]
    return code === 'REFUND_NOT_POSSIBLE'
      ? 'the shop has no such payment in its books; the refund is only in its audit log'
      : `the refund was made and is not in the shop's books (${code}): reconcile its day once the bill is ready`
  }
}
