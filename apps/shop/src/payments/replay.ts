/** Handles a stored notification again: its bytes are read, judged and settled as when it came, by the same door. */
import type { Deed } from '../accounts/audit.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { act, KEPT_BYTES, storable, type Verdict } from './inbox.ts'
import { type Payments, providerNamed } from './payments.ts'

/**
 * Any number of times, with one effect. What came stays as it came; each handling is written beside it.
 * @param log writes the deed into the audit log, in the transaction of what it does
 * @throws ShopError NOT_FOUND; NOTIFICATION_CUT when its body was too large to be kept whole
 */
export async function replayNotification(
  payments: Payments,
  id: number,
  byWhom: string,
  log: (tx: Transaction, deed: Deed) => Promise<void>,
): Promise<Verdict> {
  const row = await payments.db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  if (row.body_bytes > Math.min(KEPT_BYTES, row.body.length)) throw new ShopError('NOTIFICATION_CUT')
  const provider = providerNamed(payments, row.provider)
  const read = await provider.readNotification({
    body: row.body,
    bodyBytes: row.body_bytes,
    contentType: row.content_type,
    headers: row.headers,
    address: row.address,
    receivedAt: row.received_at,
  })
  return payments.db.transaction().execute(async (tx) => {
    const verdict = await act(tx, payments, provider, read, `notification ${id}, handled again by ${byWhom}`)
    await tx
      .insertInto('notification_handlings')
      .values({
        notification_id: id,
        at: payments.clock(),
        by_whom: byWhom,
        checks: JSON.stringify(storable(verdict.checks)),
        effect: verdict.effect,
        accepted: verdict.accepted,
      })
      .execute()
    const { accepted, effect } = verdict
    await log(tx, {
      at: payments.clock(),
      action: 'notification.replay',
      subject: `notifications/${id}`,
      before: { accepted: row.accepted, effect: row.effect },
      after: { accepted, effect },
    })
    return verdict
  })
}
