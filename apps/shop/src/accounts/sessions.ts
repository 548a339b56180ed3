/** Sessions: a signed token that names a row, so that a session can be seen and ended. */
import { randomUUID } from 'node:crypto'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { isAnyOf } from '../database/any-of.ts'
import { inBatches } from '../database/batches.ts'
import { builtOnce } from '../database/built-once.ts'
import type { Database, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'

const LIFETIME_DAYS = 30
const ALGORITHM = 'HS256'

export type Role = 'buyer' | 'owner' | 'finance' | 'support' | 'editor'

export interface User {
  readonly id: number
  readonly username: string
  readonly displayName: string
  readonly role: Role
  readonly createdAt: Date
  /** Somebody else made up the password: until it is changed nothing else is done. */
  readonly passwordDue: boolean
}

/** Who is asking, and by which session. */
export interface Viewer {
  readonly user: User
  readonly sessionId: string
}

/** What somebody has shown to be let in, as it was when it was looked at. */
export interface Shown {
  readonly userId: number
  readonly passwordHash: string
  /** Since when the second factor is on of which a code was shown; null where there was none to show. */
  readonly factorSince: Date | null
}

export interface Sessions {
  /**
   * Starts a session and returns its token, unless what was shown is no longer what it takes: whoever has just changed the
   * password, or turned the second factor on, has ended every session, and one that was on its way then must not come after.
   * @throws ShopError BAD_CREDENTIALS, SECOND_FACTOR_REQUIRED
   */
  start(shown: Shown, from: { userAgent: string; address: string }): Promise<{ token: string; expiresAt: Date }>
  /** Who a token belongs to; undefined when it is forged, expired, ended, or its user is disabled. */
  find(token: string): Promise<Viewer | undefined>
  end(sessionId: string): Promise<void>
}

export function createSessions(db: Database, secret: string, clock: () => Date): Sessions {
  const key = new TextEncoder().encode(secret)
  const tokens = keepTokens(key, clock)
  const live = findLive(db)
  const look = inBatches((sessionIds: readonly string[]) => live(sessionIds, clock()))
  return {
    async start(shown, from) {
      const now = clock()
      const expiresAt = new Date(now.getTime() + LIFETIME_DAYS * 86_400_000)
      const id = randomUUID()
      await db.transaction().execute(async (tx) => {
        await requireStill(tx, shown)
        await tx
          .insertInto('sessions')
          .values({
            id,
            user_id: shown.userId,
            created_at: now,
            expires_at: expiresAt,
            user_agent: from.userAgent.slice(0, 300),
            address: from.address,
          })
          .execute()
      })
      const token = await new SignJWT({ sid: id })
        .setProtectedHeader({ alg: ALGORITHM })
        .setSubject(String(shown.userId))
        .setIssuedAt(now)
        .setExpirationTime(expiresAt)
        .sign(key)
      return { token, expiresAt }
    },

    async find(token) {
      const sessionId = await tokens.read(token)
      return sessionId === undefined ? undefined : look(sessionId)
    },

    async end(sessionId) {
      await db
        .updateTable('sessions')
        .set({ ended_at: clock() })
        .where('id', '=', sessionId)
        .where('ended_at', 'is', null)
        .execute()
    },
  }
}

/** Holds the person's row, so that what was shown stays right until the session is there. */
async function requireStill(tx: Transaction, { userId, passwordHash, factorSince }: Shown): Promise<void> {
  const user = await tx
    .selectFrom('users')
    .select('password_hash')
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
}

/** Who sessions belong to; undefined for one that ended or whose user is disabled. */
function findLive(db: Database) {
  const live = builtOnce((sessionIds: readonly string[], now: Date) =>
    db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select(['sessions.id as session_id', 'users.id', 'users.username', 'users.display_name', 'users.role'])
      .select(['users.created_at', 'users.password_due'])
      .where((session) => isAnyOf(session.ref('sessions.id'), sessionIds, 'uuid'))
      .where('sessions.ended_at', 'is', null)
      .where('sessions.expires_at', '>', now)
      .where('users.disabled_at', 'is', null),
  )
  return async (sessionIds: readonly string[], now: Date): Promise<(Viewer | undefined)[]> => {
    const { rows } = await db.executeQuery(live(sessionIds, now))
    const byId = new Map(rows.map((row) => [row.session_id, row]))
    return sessionIds.map((sessionId) => {
      const row = byId.get(sessionId)
      return row && { user: toUser(row), sessionId }
    })
  }
}

const MOST_TOKENS = 20_000

/** What a token says never changes: its signature is checked once, its end each time. */
function keepTokens(key: Uint8Array, clock: () => Date): { read(token: string): Promise<string | undefined> } {
  const known = new Map<string, { sessionId: string; endsAt: number }>()
  return {
    async read(token) {
      const before = known.get(token)
      if (before) return before.endsAt > clock().getTime() ? before.sessionId : undefined
      const payload = await verified(token, key, clock())
      const sessionId = payload?.['sid']
      if (typeof sessionId !== 'string' || !payload?.exp) return undefined
      const [oldest] = known.keys()
      if (known.size >= MOST_TOKENS && oldest !== undefined) known.delete(oldest)
      known.set(token, { sessionId, endsAt: payload.exp * 1000 })
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

export function toUser(row: {
  id: number
  username: string
  display_name: string
  role: Role
  created_at: Date
  password_due: boolean
}): User {
  return {
    id: row.id,
    username: row.username,
    displayName: row.display_name,
    role: row.role,
    createdAt: row.created_at,
    passwordDue: row.password_due,
  }
}

/** Forgets sessions that ended long ago. */
export async function forgetSessions(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('sessions').where('expires_at', '<', before).execute()
}
