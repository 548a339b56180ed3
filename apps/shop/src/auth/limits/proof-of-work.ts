/**
 * Proof of work: after many actions from one address, which may come from a program, the visitor's page computes for
 * about a second. Uses Altcha's protocol (`altcha-lib`) on this server only, without tracking visitors and without
 * captchas to read.
 */
import { createChallenge, verifySolution } from 'altcha-lib/v1'
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Database } from '../../db/connect.ts'
import { batchLoader } from '../../db/statements/batch-loader.ts'
import { ShopError } from '../../errors.ts'

/** The actions that need a proof, and how many an hour are free per address. */
const FREE = { registration: 5 } as const
export type WorkKind = keyof typeof FREE

const WINDOW_MS = 3_600_000
const EXPIRES_MS = 10 * 60_000
/** A page tries half as many numbers on average; the work doubles with every `DOUBLES_EVERY` actions in the window. */
const NUMBERS = 150_000
const DOUBLES_EVERY = 50
const MAX_NUMBERS = 2_000_000

const Hex = Type.String({ maxLength: 64, pattern: '^[0-9a-f]{64}$' })
const common = { algorithm: Type.Literal('SHA-256'), challenge: Hex, signature: Hex }

export const ChallengeShape = Type.Object(
  { ...common, salt: Type.String(), maxnumber: Type.Integer({ description: 'The maximum of the number' }) },
  {
    $id: 'WorkChallenge',
    description: 'Find the number whose SHA-256, appended to the salt as text, is the challenge',
  },
)

export const ProofShape = Type.Object(
  {
    ...common,
    salt: Type.String({ maxLength: 86, pattern: '^[0-9a-f]{24}\\?[a-z0-9=&]{1,60}$' }),
    number: Type.Integer({ minimum: 0, maximum: MAX_NUMBERS }),
  },
  { additionalProperties: false, description: 'A solved challenge of GET /api/proof-of-work' },
)
export type Proof = Static<typeof ProofShape>

export interface ProofOfWork {
  /** A challenge for a visitor from this address. */
  challenge(kind: WorkKind, line: string): Promise<Static<typeof ChallengeShape>>
  /**
   * Counts one more action and, beyond the free ones, requires a proof that was not used before.
   * @throws ShopError PROOF_OF_WORK_REQUIRED
   */
  require(kind: WorkKind, line: string, proof: Proof | undefined): Promise<void>
}

/** Remembers which addresses need a proof, so that a request without one is refused without a query. */
const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 10_000

export function createProofOfWork(db: Database, hmacKey: string, clock: () => Date): ProofOfWork {
  const needsProof = new Map<string, number>()
  const count = batchLoader((keys: readonly string[]) => countAll(db, keys, clock()))
  const isNeeded = (key: string) => Math.abs(clock().getTime() - (needsProof.get(key) ?? 0)) < REMEMBERED_MS
  return {
    async challenge(kind, line) {
      const row = await db
        .selectFrom('proof_counts')
        .select('count')
        .where('key', '=', keyOf(kind, line))
        .where('window_ends_at', '>', clock())
        .executeTakeFirst()
      const doubled = Math.floor((row?.count ?? 0) / DOUBLES_EVERY)
      const { salt, challenge, signature, maxnumber } = await createChallenge({
        hmacKey,
        algorithm: 'SHA-256',
        maxnumber: Math.min(NUMBERS * 2 ** Math.min(doubled, 8), MAX_NUMBERS),
        params: { expires: String(Math.floor((clock().getTime() + EXPIRES_MS) / 1000)), kind },
      })
      return { algorithm: 'SHA-256', salt, challenge, signature, maxnumber: maxnumber ?? MAX_NUMBERS }
    },

    async require(kind, line, proof) {
      const key = keyOf(kind, line)
      const isSolved = proof !== undefined && (await isOurs(hmacKey, kind, proof, clock()))
      if (!isSolved && isNeeded(key)) throw new ShopError('PROOF_OF_WORK_REQUIRED')
      if ((await count(key)) <= FREE[kind]) return
      if (isSolved && (await spend(db, proof))) return
      if (needsProof.size >= MAX_REMEMBERED) needsProof.clear()
      needsProof.set(key, clock().getTime())
      throw new ShopError('PROOF_OF_WORK_REQUIRED')
    },
  }
}

const keyOf = (kind: WorkKind, line: string): string => `${kind}:${line}`

/**
 * Counts one more for each key. Concurrent actions from one address are counted together, so none waits for its row.
 */
async function countAll(db: Database, keys: readonly string[], now: Date): Promise<number[]> {
  const more = new Map<string, number>()
  for (const key of keys) more.set(key, (more.get(key) ?? 0) + 1)
  const ends = new Date(now.getTime() + WINDOW_MS)
  const rows = await db
    .insertInto('proof_counts')
    // Sorted, so that concurrent statements lock the rows in the same order.
    .values([...more].sort().map(([key, count]) => ({ key, count, window_ends_at: ends })))
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({
        count: sql`case when proof_counts.window_ends_at > ${now} then proof_counts.count + excluded.count else excluded.count end`,
        window_ends_at: sql`case when proof_counts.window_ends_at > ${now} then proof_counts.window_ends_at else ${ends} end`,
      }),
    )
    .returning(['key', 'count'])
    .execute()
  const before = new Map(rows.map(({ key, count }) => [key, count - (more.get(key) ?? 0)]))
  return keys.map((key) => {
    const count = (before.get(key) ?? 0) + 1
    before.set(key, count)
    return count
  })
}

const expiryOf = (proof: Proof): Date =>
  new Date(Number(new URLSearchParams(proof.salt.split('?')[1]).get('expires')) * 1000)

/** Whether the challenge is ours, of the right kind, not expired, and solved. */
async function isOurs(hmacKey: string, kind: WorkKind, proof: Proof, now: Date): Promise<boolean> {
  const said = new URLSearchParams(proof.salt.split('?')[1])
  return said.get('kind') === kind && expiryOf(proof) > now && (await verifySolution(proof, hmacKey, false))
}

/** Marks a proof as used. @returns whether it was the first use */
async function spend(db: Database, proof: Proof): Promise<boolean> {
  const spent = await db
    .insertInto('spent_proofs')
    .values({ challenge: proof.challenge, expires_at: expiryOf(proof) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('challenge')
    .executeTakeFirst()
  return spent !== undefined
}

/** Deletes expired counts and proofs. */
export async function forgetProofs(db: Database, now: Date): Promise<void> {
  await db.deleteFrom('proof_counts').where('window_ends_at', '<', now).execute()
  await db.deleteFrom('spent_proofs').where('expires_at', '<', now).execute()
}
