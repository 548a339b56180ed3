/**
 * Refunds by staff: once a session's refunds since its last credential proof exceed the owner's limit, a new proof is
 * needed.
 */
import { sql } from 'kysely'
import type { Staff } from '../../admin/admin-routes.ts'
import { credentialProofEnds } from '../../auth/credential-proof.ts'
import { readSecuritySettings } from '../../auth/security-settings.ts'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { type Fen, toFen } from '../../money.ts'

/**
 * Call it in the refund's transaction, after the refund is created or approved, so that it is counted: many small
 * refunds count as one large one. The session's row is locked, so that of concurrent refunds each counts those before
 * it.
 * @returns whether this refund alone exceeds the limit: every other owner is then notified
 * @throws ShopError PROOF_REQUIRED
 */
export async function requireRefundProof(tx: Transaction, staff: Staff, amount: Fen, now: Date): Promise<boolean> {
  const { refundLimit } = await readSecuritySettings(tx)
  if (!credentialProofEnds(staff.provedAt, now)) {
    await tx.selectFrom('sessions').select('id').where('id', '=', staff.sessionId).forNoKeyUpdate().execute()
    if ((await refundedSince(tx, staff.user.id, staff.provedAt ?? new Date(0))) > refundLimit)
      throw new ShopError('PROOF_REQUIRED')
  }
  return amount > refundLimit
}

/** The sum of what this person refunded, approved or sent again since then. */
async function refundedSince(tx: Transaction, userId: number, since: Date): Promise<Fen> {
  const { rows } = await sql<{ fen: string }>`
    select coalesce(sum(amount_fen), 0) as fen from (
      select id, amount_fen from refunds
        where requested_by = 'staff' and user_id = ${userId} and requested_at > ${since}
      union
      select id, amount_fen from refunds
        where decided_by = ${userId} and decided_at > ${since} and status <> 'declined') sent`.execute(tx)
  return toFen(BigInt(rows[0]?.fen ?? 0))
}
