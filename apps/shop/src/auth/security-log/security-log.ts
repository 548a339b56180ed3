/**
 * The security log: one structured line for every access decision, with who, from where, what, and the outcome; never a
 * password, code or token. Events of an account are also stored in `security_events`, which its owner can read. Floods
 * of refusals are counted, so that they fill neither the log nor the table.
 */
import { createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Database, Reader } from '../../db/connect.ts'
import { cutText } from '../../text/cut-text.ts'
import { foldName } from '../../text/login-name.ts'
import { createFloodCounter } from './flood-counter.ts'

export const SECURITY_EVENTS = [
  'login',
  'logout',
  'registration',
  'password.changed',
  'proof',
  'second-factor.on',
  'second-factor.off',
  'recovery-codes.made',
  'login-code.made',
  'sessions.ended',
  'session.refused',
  'account.created',
  'account.role',
  'account.disabled',
  'account.enabled',
  'account.password',
  'account.second-factor-off',
  'account.sessions-ended',
  'passwords.downloaded',
  'payment-keys.changed',
  'payment-keys.removed',
  'export',
  'limit.hit',
  'origin.refused',
  'access.refused',
  'input.refused',
] as const
export type SecurityEventName = (typeof SECURITY_EVENTS)[number]

export interface SecurityEvent {
  readonly event: SecurityEventName
  /** `asked`: the password was right, and a code is required. */
  readonly outcome: 'ok' | 'asked' | 'refused'
  /** The code of a refusal; for a success, a detail such as `LOGIN_CODE`. */
  readonly reason?: string | undefined
  /** The account that the event is about. */
  readonly userId?: number | undefined
  /**
   * A login name without an account: only a keyed hash of it is written, since people type passwords into that field.
   */
  readonly name?: string | undefined
  /** The staff member who acted on the account. */
  readonly by?: number | undefined
  /** The session's id, which is not a token. */
  readonly session?: string | undefined
}

/** Where an event came from. */
export interface Origin {
  readonly address: string
  readonly userAgent: string
  readonly method?: string | undefined
  /** The route and not the requested path, which could contain anything. */
  readonly route?: string | undefined
}

export interface SecurityLog {
  write(event: SecurityEvent, origin: Origin): void
  /** Writes the remaining counts and waits for pending inserts. */
  close(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    securityLog?: SecurityLog
  }
}

/** Records an event of a request. Neither waits nor fails. */
export function securityEvent(request: FastifyRequest, event: SecurityEvent): void {
  request.server.securityLog?.write(event, {
    address: request.ip,
    userAgent: request.headers['user-agent'] ?? '',
    method: request.method,
    route: request.routeOptions.url,
  })
}

/** Stores an event of a command, in the transaction of its work. */
export const securityCommand = (tx: Reader, at: Date, event: SecurityEvent & { readonly userId: number }) =>
  store(tx, { at, event, origin: { address: '', userAgent: 'xuecheng' }, times: 1 })

const MAX_AGENT = 120
/** The maximum number of pending inserts; reached only if the database hangs. */
const MAX_STORING = 200
const FLUSH_MS = 10_000

export interface SecurityLogOptions {
  readonly db: Database
  readonly log: Logger
  readonly clock: () => Date
  /** The key for hashes of unknown names. */
  readonly key: Buffer
}

interface Written {
  readonly event: SecurityEvent
  readonly origin: Origin
}

export function createSecurityLog({ db, log, clock, key }: SecurityLogOptions): SecurityLog {
  // Written at any log level except `silent`.
  const lines = log.child({ security: true }, log.level === 'silent' ? {} : { level: 'info' })
  const storing = new Set<Promise<unknown>>()

  const put = ({ event, origin }: Written, times: number, at: Date) => {
    const { name, ...rest } = event
    const nameHash = name === undefined ? undefined : hashName(key, name)
    lines.info({ ...rest, nameHash, ...origin, ...(times > 1 && { times }), at }, 'security')
    if (event.userId === undefined) return
    if (storing.size >= MAX_STORING) return lines.error({ event: event.event }, 'security event not stored')
    const stored = store(db, { at, event: { ...event, userId: event.userId }, origin, times })
      .catch((error: unknown) => lines.error({ err: error, event: event.event }, 'security event not stored'))
      .finally(() => storing.delete(stored))
    storing.add(stored)
  }
  const floods = createFloodCounter<Written>((written, times) => put(written, times, clock()))
  const timer = setInterval(() => floods.flush(clock().getTime()), FLUSH_MS).unref()

  return {
    write(event, from) {
      const origin = { ...from, userAgent: shorten(from.userAgent) }
      const { event: what, outcome, reason, userId } = event
      const now = clock()
      const written = { event, origin }
      if (outcome !== 'refused') return put(written, 1, now)
      const kind = [what, reason, userId].join(' ')
      if (floods.admit({ kind, from: origin.address, at: now.getTime(), what: written })) put(written, 1, now)
    },
    async close() {
      clearInterval(timer)
      floods.flush(Number.POSITIVE_INFINITY)
      await Promise.all(storing)
    },
  }
}

/** One line of visible characters. */
const shorten = (userAgent: string): string => cutText(userAgent.replace(/\p{C}/gu, ' '), MAX_AGENT)

const hashName = (key: Buffer, name: string): string =>
  createHmac('sha256', key).update(foldName(name)).digest('base64url').slice(0, 16)

async function store(
  db: Reader,
  {
    at,
    event: { event, outcome, reason, userId, by },
    origin,
    times,
  }: {
    readonly at: Date
    readonly event: SecurityEvent & { readonly userId: number }
    readonly origin: Origin
    readonly times: number
  },
): Promise<void> {
  await db
    .insertInto('security_events')
    .values({
      user_id: userId,
      at,
      event,
      outcome,
      reason: reason ?? '',
      address: origin.address,
      user_agent: origin.userAgent,
      by_user_id: by ?? null,
      times,
    })
    .execute()
}
