/**
 * Notifications of payments that are settled already; most notifications are such, since gateways repeat them. They
 * change nothing and are only stored. Those that arrive at the same time are recognised and stored in one batch, and
 * each is acknowledged after the commit.
 */

import type { Database } from '../../db/connect.ts'
import { isInArray } from '../../db/statements/array-parameter.ts'
import { batchLoader } from '../../db/statements/batch-loader.ts'
import type { PaidNotice } from '../contract.ts'
import { keepNotifications, type NotificationRow } from './rows.ts'
import { notKept } from './unverified-quota.ts'

export interface DuplicateNotifications {
  /** Whether the attempt has been paid by this very trade with this amount; a paid attempt stays paid. */
  isDuplicate(provider: string, paid: PaidNotice): Promise<boolean>
  /** Resolves once it is committed. */
  keep(row: NotificationRow): Promise<void>
}

export function createDuplicateNotifications(db: Database): DuplicateNotifications {
  const look = batchLoader((attemptNos: readonly string[]) => findPaid(db, attemptNos))
  const keep = batchLoader((rows: readonly NotificationRow[]) => keepAll(db, rows))
  return {
    async isDuplicate(provider, paid) {
      const known = await look(paid.attemptNo)
      return known?.provider === provider && known.trade_no === paid.tradeNo && known.amount_fen === paid.amount
    },
    keep,
  }
}

async function findPaid(db: Database, attemptNos: readonly string[]) {
  const rows = await db
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'provider', 'trade_no', 'amount_fen'])
    .where((attempt) => isInArray(attempt.ref('attempt_no'), attemptNos, 'text'))
    .where('status', '=', 'paid')
    .execute()
  const byNumber = new Map(rows.map((row) => [row.attempt_no, row]))
  return attemptNos.map((attemptNo) => byNumber.get(attemptNo))
}

/** Those beyond the limit are acknowledged and only counted. */
async function keepAll(db: Database, rows: readonly NotificationRow[]): Promise<undefined[]> {
  const kept = await keepNotifications(db, rows)
  notKept.inc({ reason: 'duplicate' }, rows.length - kept)
  return rows.map(() => undefined)
}
