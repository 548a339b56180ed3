/** Replays a stored notification: its bytes are parsed, checked and settled by the same code as when it arrived. */
import type { AuditEntry } from '../../admin/audit.ts'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { findProvider, type Payments } from '../payments.ts'
import { act, KEPT_BYTES, storable, type Verdict } from './inbox.ts'

/**
 * May be repeated any number of times, with one effect. The stored notification is not changed; each replay is recorded
 * beside it.
 * @param log writes the audit entry, in the transaction of the effect
 * @throws ShopError NOT_FOUND; NOTIFICATION_CUT when its body was too large to be stored whole
 */
export async function replayNotification(
  payments: Payments,
  id: number,
  byWhom: string,
  log: (tx: Transaction, entry: AuditEntry) => Promise<void>,
): Promise<Verdict> {
  const row = await payments.db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  if (row.body_bytes > Math.min(KEPT_BYTES, row.body.length)) throw new ShopError('NOTIFICATION_CUT')
  const provider = findProvider(payments, row.provider)
  const read = await provider.readNotification({
    body: row.body,
    bodyBytes: row.body_bytes,
    contentType: row.content_type,
    headers: row.headers,
    address: row.address,
    receivedAt: row.received_at,
  })
  return payments.db.transaction().execute(async (tx) => {
    const replayed = { notificationId: id, by: byWhom }
    const verdict = await act(tx, payments, provider, read, { source: 'replay', replayed })
    await tx
      .insertInto('notification_handlings')
      .values({
        notification_id: id,
        at: payments.clock(),
        by_whom: byWhom,
        checks: JSON.stringify(storable(verdict.checks)),
        effect: verdict.effect,
        reason_code: verdict.reason,
        accepted: verdict.accepted,
      })
      .execute()
    const { accepted, effect, reason } = verdict
    await log(tx, {
      at: payments.clock(),
      action: 'notification.replay',
      subject: `notifications/${id}`,
      before: { accepted: row.accepted, effect: row.effect, reason: row.reason_code },
      after: { accepted, effect, reason },
    })
    return verdict
  })
}
