/** What a change by staff is made of: one transaction, once for its idempotency key, with its entry in the audit log. */
import type { FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Database, Transaction } from '../db/connect.ts'
import { once, repeatable, takesKey } from '../http/idempotency.ts'
import { type Staff, staffOf } from './admin-routes.ts'
import { type AuditEntry, audit } from './audit.ts'

/** What every admin route needs to change anything. */
export interface AdminContext {
  readonly db: Database
  readonly clock: Clock
}

/** Within a change: its transaction, who makes it, and when. */
export interface Acting {
  readonly tx: Transaction
  readonly staff: Staff
  readonly now: Date
}

export interface AdminAction<Result, View> {
  readonly request: FastifyRequest
  /** What makes the request the same again, where its body holds a secret; by default the whole body. */
  readonly sameWhen?: unknown
  readonly work: (acting: Acting) => Promise<Result>
  /** The audit entry; nothing where the work changed nothing. */
  readonly audit: (result: Result, acting: Acting) => Omit<AuditEntry, 'at'> | undefined
  /** What is returned, and stored under the key for a request that is repeated. */
  readonly view?: (result: Result, acting: Acting) => View | Promise<View>
}

/**
 * Does the work and writes its audit entry, together or not at all. Where the route's schema takes an `Idempotency-Key`,
 * once for each key: a repeated request neither works nor writes again, and gets the view that was stored.
 * @throws ShopError IDEMPOTENCY_KEY_REUSED when the key was used for another request
 */
export function adminAction<Result, View = null>(
  { db, clock }: AdminContext,
  { request, sameWhen, work, audit: entryOf, view }: AdminAction<Result, View>,
): Promise<View> {
  const staff = staffOf(request)
  const now = clock()
  const key = takesKey(request) ? repeatable(request, sameWhen) : undefined
  return db.transaction().execute((tx) =>
    once(tx, staff.user.id, key, now, async () => {
      const acting = { tx, staff, now }
      const result = await work(acting)
      const entry = entryOf(result, acting)
      if (entry) await audit(tx, staff, { at: now, ...entry })
      // Without a view, View is null.
      return view ? view(result, acting) : (null as View)
    }),
  )
}
