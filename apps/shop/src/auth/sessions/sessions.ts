/** Sessions: a signed token names a row, so that a session can be listed and ended. */
import { randomUUID } from 'node:crypto'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { type Selectable, sql } from 'kysely'
import type { Database, Transaction } from '../../db/connect.ts'
import { isInArray } from '../../db/statements/array-parameter.ts'
import { batchLoader } from '../../db/statements/batch-loader.ts'
import { compiledQuery } from '../../db/statements/compiled-query.ts'
import type { Tables } from '../../db/tables.generated.ts'
import { ShopError } from '../../errors.ts'
import { cutText } from '../../text/cut-text.ts'
import { endOfSession, type Role, sessionLasts } from './session-life.ts'

export type { Role } from './session-life.ts'

const ALGORITHM = 'HS256'

export interface User {
  readonly id: number
  readonly username: string
  readonly displayName: string
  readonly role: Role
  readonly createdAt: Date
  /** The password was set by another person: it must be changed first. */
  readonly passwordDue: boolean
  /** The owner requires a second factor for this role, and it is not set up: that must be done first. */
  readonly factorDue: boolean
}

/** The authenticated person and the session. */
export interface Principal {
  readonly user: User
  readonly sessionId: string
  /** When this session last proved the password, and the second factor if there is one. */
  readonly provedAt: Date | null
  /** The session began with a demo password, which is not accepted everywhere. */
  readonly byDemoPassword: boolean
}

/** The credentials that a person proved at the login, as they were when checked. */
export interface CredentialProof {
  readonly userId: number
  readonly passwordHash: string
  /** Since when the second factor that was proved is on; null without one. */
  readonly factorSince: Date | null
  /** Whether the password is one of the demo's. */
  readonly byDemoPassword: boolean
}

export interface Sessions {
  /**
   * Starts a session and returns its token, unless the credentials changed meanwhile: changing the password or turning
   * the second factor on ends every session, so a login in progress must not start one afterwards.
   * @throws ShopError BAD_CREDENTIALS, SECOND_FACTOR_REQUIRED
   */
  start(
    proof: CredentialProof,
    from: { userAgent: string; address: string },
  ): Promise<{ token: string; expiresAt: Date }>
  /** The principal of a token; undefined if it is forged, expired or ended, or its user is disabled. */
  find(token: string): Promise<Principal | undefined>
  /** The account of a token whose signature this process has checked before; the session may have ended since. */
  known(token: string): string | undefined
}

export function createSessions(db: Database, secret: string, clock: () => Date): Sessions {
  const key = new TextEncoder().encode(secret)
  const tokens = keepTokens(key, clock)
  const live = findLive(db)
  const look = batchLoader((sessionIds: readonly string[]) => live(sessionIds, clock()))
  return {
    async start(proof, from) {
      const now = clock()
      const id = randomUUID()
      const expiresAt = await db.transaction().execute(async (tx) => {
        const ends = endOfSession(await requireStill(tx, proof), now)
        await tx
          .insertInto('sessions')
          .values({
            id,
            user_id: proof.userId,
            created_at: now,
            expires_at: ends,
            user_agent: cutText(from.userAgent, 300),
            address: from.address,
            proved_at: now,
            by_demo_password: proof.byDemoPassword,
          })
          .execute()
        return ends
      })
      const token = await new SignJWT({ sid: id })
        .setProtectedHeader({ alg: ALGORITHM })
        .setSubject(String(proof.userId))
        .setIssuedAt(now)
        .setExpirationTime(expiresAt)
        .sign(key)
      return { token, expiresAt }
    },

    async find(token) {
      const sessionId = await tokens.read(token)
      return sessionId === undefined ? undefined : look(sessionId)
    },

    known: (token) => tokens.known(token),
  }
}

/** Locks the person's row, so that the proof stays valid until the session exists. @returns the role */
async function requireStill(tx: Transaction, { userId, passwordHash, factorSince }: CredentialProof): Promise<Role> {
  const user = await tx
    .selectFrom('users')
    .select(['password_hash', 'role'])
    .where('id', '=', userId)
    .forShare()
    .executeTakeFirst()
  if (user?.password_hash !== passwordHash) throw new ShopError('BAD_CREDENTIALS')
  const factor = await tx
    .selectFrom('second_factors')
    .select('confirmed_at')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  const since = factor?.confirmed_at
  if (since && since.getTime() !== factorSince?.getTime()) throw new ShopError('SECOND_FACTOR_REQUIRED')
  return user.role
}

/** Whether the owner requires a second factor that this person has not set up; evaluated for staff only. */
const factorDue = sql<boolean>`users.role <> 'buyer'
  and users.role = any((select factor_roles from security_settings)::text[])
  and not exists (select from second_factors f where f.user_id = users.id and f.confirmed_at is not null)`.as(
  'factor_due',
)

/** The principals of sessions; undefined for one that ended or whose user is disabled. */
function findLive(db: Database) {
  const live = compiledQuery((sessionIds: readonly string[], now: Date) =>
    db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select(['sessions.id as session_id', 'users.id', 'users.username', 'users.display_name', 'users.role'])
      .select(['users.created_at', 'users.password_due', 'sessions.proved_at', factorDue, 'sessions.by_demo_password'])
      .where((session) => isInArray(session.ref('sessions.id'), sessionIds, 'uuid'))
      .where(sessionLasts(now))
      .where('users.disabled_at', 'is', null),
  )
  return async (sessionIds: readonly string[], now: Date): Promise<(Principal | undefined)[]> => {
    const { rows } = await db.executeQuery(live(sessionIds, now))
    const byId = new Map(rows.map((row) => [row.session_id, row]))
    return sessionIds.map((sessionId) => {
      const row = byId.get(sessionId)
      if (!row) return undefined
      return { user: toUser(row), sessionId, provedAt: row.proved_at, byDemoPassword: row.by_demo_password }
    })
  }
}

const MAX_TOKENS = 20_000

/** A token's content never changes: its signature is checked once, its expiry each time. */
function keepTokens(key: Uint8Array, clock: () => Date) {
  const known = new Map<string, { sessionId: string; account: string; endsAt: number }>()
  return {
    known: (token: string): string | undefined => known.get(token)?.account,
    /** The session that a token names, if its signature is valid and it has not expired. */
    async read(token: string): Promise<string | undefined> {
      const before = known.get(token)
      if (before) return before.endsAt > clock().getTime() ? before.sessionId : undefined
      const payload = await verified(token, key, clock())
      const sessionId = payload?.['sid']
      if (typeof sessionId !== 'string' || !payload?.exp) return undefined
      const [oldest] = known.keys()
      if (known.size >= MAX_TOKENS && oldest !== undefined) known.delete(oldest)
      known.set(token, { sessionId, account: payload.sub ?? sessionId, endsAt: payload.exp * 1000 })
      return sessionId
    },
  }
}

async function verified(token: string, key: Uint8Array, now: Date): Promise<JWTPayload | undefined> {
  try {
    return (await jwtVerify(token, key, { algorithms: [ALGORITHM], currentDate: now })).payload
  } catch {
    return undefined
  }
}

export function toUser(
  row: Pick<
    Selectable<Tables['users']>,
    'id' | 'username' | 'display_name' | 'role' | 'created_at' | 'password_due'
  > & {
    factor_due?: boolean
  },
): User {
  return {
    id: row.id,
    username: row.username,
    displayName: row.display_name,
    role: row.role,
    createdAt: row.created_at,
    passwordDue: row.password_due,
    factorDue: row.factor_due ?? false,
  }
}

/** Deletes sessions that expired long ago. */
export async function forgetSessions(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('sessions').where('expires_at', '<', before).execute()
}
