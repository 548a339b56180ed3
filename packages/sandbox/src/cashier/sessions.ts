/** Buyers logged in at the cashier, by a random cookie; every session has a token that its forms must include. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Database } from '../core/storage/database.ts'

export interface Session {
  readonly token: string
  readonly buyerId: string
  readonly formToken: string
}

export interface Sessions {
  create(buyerId: string): Session
  find(token: string | undefined): Session | undefined
  remove(token: string): void
}

export function openSessions(database: Database, clock: Clock): Sessions {
  const insert = database.prepare('insert into sessions (token, buyer_id, form_token, created_at) values (?, ?, ?, ?)')
  const select = database.prepare<{ token: string; buyer_id: string; form_token: string }>(
    'select token, buyer_id, form_token from sessions where token = ?',
  )
  const remove = database.prepare('delete from sessions where token = ?')
  return {
    create(buyerId) {
      const session = { token: randomToken(), buyerId, formToken: randomToken() }
      insert.run(session.token, buyerId, session.formToken, clock.now())
      return session
    },
    find(token) {
      const row = token === undefined ? undefined : select.get(token)
      return row && { token: row.token, buyerId: row.buyer_id, formToken: row.form_token }
    },
    remove: (token) => void remove.run(token),
  }
}

function randomToken(): string {
  return randomBytes(24).toString('base64url')
}

export function sameToken(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
