/** `Idempotency-Key`: the same key and body get the same answer; two concurrent requests have one effect. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import pg from 'pg'
import { Type } from 'typebox'
import type { Database, Reader, Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'

/** A request that its client may safely send again. */
export interface Repeatable {
  readonly key: string
  readonly requestHash: string
}

export const hashRequest = (method: string, path: string, body: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify([method, path, body]))
    .digest('hex')

/** The header schema of routes that accept an idempotency key. */
export const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
})

/** Whether the route's schema takes a key. */
export function takesKey({ routeOptions }: FastifyRequest): boolean {
  const headers = routeOptions.schema?.headers
  return Type.IsObject(headers) && 'idempotency-key' in headers.properties
}

/**
 * The key, and a hash of what must be the same for a repeat: the whole body, or `body` where the real one holds a
 * secret.
 */
export function repeatable(request: FastifyRequest, body: unknown = request.body): Repeatable | undefined {
  const key = request.headers['idempotency-key']
  // guard: idempotency-key
  if (typeof key !== 'string') return undefined
  return { key, requestHash: hashRequest(request.method, request.url, body) }
}

/** The user id of requests without an account. */
export const ANONYMOUS = 0

/**
 * Does the work once for each key, in the caller's transaction; a concurrent request with the same key waits for its
 * commit.
 * @throws ShopError IDEMPOTENCY_KEY_REUSED when the key was used for another request
 */
export async function once<Answer>(
  tx: Transaction,
  userId: number,
  repeatable: Repeatable | undefined,
  now: Date,
  work: () => Promise<Answer>,
): Promise<Answer> {
  if (!repeatable) return work()
  const { key, requestHash } = repeatable
  const claimed = await tx
    .insertInto('idempotency_keys')
    .values({ user_id: userId, key, request_hash: requestHash, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .returning('key')
    .executeTakeFirst()
  if (!claimed) {
    const before = await storedAnswers(tx, userId, repeatable).executeTakeFirstOrThrow()
    return answerOf<Answer>(before, repeatable)
  }
  const answer = await work()
  await tx
    .updateTable('idempotency_keys')
    .set({ response: JSON.stringify(answer) })
    .where('user_id', '=', userId)
    .where('key', '=', key)
    .execute()
  return answer
}

/**
 * The stored answer for this key, for operations that do something before their transaction.
 * @throws ShopError IDEMPOTENCY_KEY_REUSED when the key was used for another request
 */
export async function findStoredAnswer<Answer>(
  db: Database,
  userId: number,
  repeatable: Repeatable | undefined,
): Promise<Answer | undefined> {
  if (!repeatable) return undefined
  return storedAnswer(await storedAnswers(db, userId, repeatable).execute(), repeatable)
}

/** Builds the query for the stored answer; run it with `pipeline()`. */
export const storedAnswers = (db: Reader, userId: number, repeatable: Repeatable | undefined) =>
  db
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'response'])
    .where('user_id', '=', userId)
    .where('key', '=', repeatable?.key ?? '')

/** @throws ShopError IDEMPOTENCY_KEY_REUSED when the key was used for another request */
export function storedAnswer<Answer>(
  [before]: readonly { request_hash: string; response: unknown }[],
  repeatable: Repeatable | undefined,
): Answer | undefined {
  return before && repeatable && answerOf<Answer>(before, repeatable)
}

function answerOf<Answer>(stored: { request_hash: string; response: unknown }, { requestHash }: Repeatable): Answer {
  if (stored.request_hash !== requestHash) throw new ShopError('IDEMPOTENCY_KEY_REUSED')
  return stored.response as Answer
}

/**
 * Builds the insert that stores an answer, in the transaction of the work, by a caller that holds this user's lock. It
 * fails when an operation without that lock has claimed the key (`isKeyTaken`); then the whole operation must be
 * retried.
 */
export const insertAnswer = (
  tx: Pick<Transaction, 'insertInto'>,
  userId: number,
  { key, requestHash }: Repeatable,
  now: Date,
  answer: unknown,
) =>
  tx.insertInto('idempotency_keys').values({
    user_id: userId,
    key,
    request_hash: requestHash,
    created_at: now,
    response: JSON.stringify(answer),
  })

export const isKeyTaken = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '23505' && error.table === 'idempotency_keys'

/** Deletes keys that are too old to be repeated. */
export async function forgetKeys(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('idempotency_keys').where('created_at', '<', before).execute()
}
