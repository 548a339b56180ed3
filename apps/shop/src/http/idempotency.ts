/** `Idempotency-Key`: the same key and body get the same answer; two at once have one effect. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import pg from 'pg'
import { Type } from 'typebox'
import type { Database, Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'

/** A request that its client may send again. */
export interface Repeatable {
  readonly key: string
  readonly requestHash: string
}

export const hashRequest = (method: string, path: string, body: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify([method, path, body]))
    .digest('hex')

/** What the schema of a route says whose work is done once a key. */
export const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
})

/** What makes a request the same again: by default its whole body; of one with a secret in it, what is named instead. */
export function repeatable(request: FastifyRequest, body: unknown = request.body): Repeatable | undefined {
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string') return undefined
  return { key, requestHash: hashRequest(request.method, request.url, body) }
}

/** Who asks without having an account. */
export const NOBODY = 0

/**
 * Does the work once for its key, in the caller's transaction: whoever comes second waits for that transaction's end.
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
    const before = await tx
      .selectFrom('idempotency_keys')
      .select(['request_hash', 'response'])
      .where('user_id', '=', userId)
      .where('key', '=', key)
      .executeTakeFirstOrThrow()
    if (before.request_hash !== requestHash) throw new ShopError('IDEMPOTENCY_KEY_REUSED')
    return before.response as Answer
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
 * The answer that this key got before, for work that has something to do before its transaction.
 * @throws ShopError IDEMPOTENCY_KEY_REUSED when the key was used for another request
 */
export async function answeredBefore<Answer>(
  db: Database,
  userId: number,
  repeatable: Repeatable | undefined,
): Promise<Answer | undefined> {
  if (!repeatable) return undefined
  return keptAnswer(await answersKept(db, userId, repeatable).execute(), repeatable)
}

/** The statement that finds what this key got before, for whoever sends it together with others. */
export const answersKept = (db: Reader, userId: number, repeatable: Repeatable | undefined) =>
  db
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'response'])
    .where('user_id', '=', userId)
    .where('key', '=', repeatable?.key ?? '')

/** @throws ShopError IDEMPOTENCY_KEY_REUSED when the key was used for another request */
export function keptAnswer<Answer>(
  [before]: readonly { request_hash: string; response: unknown }[],
  repeatable: Repeatable | undefined,
): Answer | undefined {
  if (!before || !repeatable) return undefined
  if (before.request_hash !== repeatable.requestHash) throw new ShopError('IDEMPOTENCY_KEY_REUSED')
  return before.response as Answer
}

/**
 * The statement that keeps an answer, in the transaction of the work, by one who alone works for this user meanwhile.
 * It fails where the key was claimed by work that does not wait for that (`isKeyTaken`): then the whole is to be done again.
 */
export const answerRow = (
  tx: Pick<Transaction, 'insertInto'>,
  userId: number,
  { key, requestHash }: Repeatable,
  now: Date,
  answer: unknown,
) =>
  tx.insertInto('idempotency_keys').values({
    ...{ user_id: userId, key, request_hash: requestHash, created_at: now },
    response: JSON.stringify(answer),
  })

export const isKeyTaken = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '23505' && error.table === 'idempotency_keys'

/** Forgets keys whose requests nobody repeats any more. */
export async function forgetKeys(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('idempotency_keys').where('created_at', '<', before).execute()
}
