/** The audit log: who of the staff did what, from where, before and after. Written with the change itself; the database refuses to edit it. */
import type { Transaction } from '../database/connect.ts'
import type { Staff } from './desk.ts'

export interface Deed {
  readonly at: Date
  /** A verb phrase that stays the same: "refund.send", "course.publish". */
  readonly action: string
  /** What it was done to, as the pages address it: "orders/0199…". */
  readonly subject: string
  /** What changed; never a secret. */
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
  readonly note?: string
}

interface Doer {
  readonly user_id: number | null
  readonly username: string
  readonly role: string
  readonly address: string
}

/** Writes the line in the transaction of the deed, so that neither is there without the other. */
export const audit = (tx: Transaction, { user, address }: Staff, deed: Deed): Promise<void> =>
  write(tx, { user_id: user.id, username: user.username, role: user.role, address }, deed)

/** As `audit`, for a deed of whoever has the machine's command line. */
export const auditCommand = (tx: Transaction, deed: Deed): Promise<void> =>
  write(tx, { user_id: null, username: 'xuecheng', role: 'shell', address: '' }, deed)

async function write(tx: Transaction, doer: Doer, deed: Deed): Promise<void> {
  await tx
    .insertInto('audit_log')
    .values({
      ...doer,
      at: deed.at,
      action: deed.action,
      subject: deed.subject,
      before: deed.before ? JSON.stringify(deed.before) : null,
      after: deed.after ? JSON.stringify(deed.after) : null,
      note: deed.note ?? '',
    })
    .execute()
}
