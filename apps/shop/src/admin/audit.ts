/** The audit log: which staff member did what, from where, before and after. The database refuses to change entries. */
import type { Transaction } from '../db/connect.ts'
import type { Staff } from './admin-routes.ts'

export interface AuditEntry {
  readonly at: Date
  /** A stable verb phrase: "refund.send", "course.publish". */
  readonly action: string
  /** The changed item, as the pages address it: "orders/0199…". */
  readonly subject: string
  /** What changed; never a secret. */
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
  readonly note?: string
  /** The entry is shown to all other owners. */
  readonly sensitive?: boolean
}

interface AuditActor {
  readonly user_id: number | null
  readonly username: string
  readonly role: string
  readonly address: string
}

/** Writes the entry in the transaction of the change, so that one never exists without the other. */
export const audit = (
  tx: Transaction,
  { user, address, sensitive = false }: Omit<Staff, 'provedAt'>,
  entry: AuditEntry,
): Promise<void> =>
  write(
    tx,
    { user_id: user.id, username: user.username, role: user.role, address },
    { ...entry, sensitive: entry.sensitive ?? sensitive },
  )

/** Like `audit`, for a change from the command line. */
export const auditCommand = (tx: Transaction, entry: AuditEntry): Promise<void> =>
  write(tx, { user_id: null, username: 'xuecheng', role: 'shell', address: '' }, entry)

async function write(tx: Transaction, actor: AuditActor, entry: AuditEntry): Promise<void> {
  await tx
    .insertInto('audit_log')
    .values({
      ...actor,
      at: entry.at,
      action: entry.action,
      subject: entry.subject,
      before: entry.before ? JSON.stringify(entry.before) : null,
      after: entry.after ? JSON.stringify(entry.after) : null,
      note: entry.note ?? '',
      sensitive: entry.sensitive ?? false,
    })
    .execute()
}
