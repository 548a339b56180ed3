/**
 * Devices from which an account has logged in before. A cookie holds the device's id and, for each of its accounts, a
 * signature over device, account and password hash: a new password makes every device unknown again, and one account's
 * signature says nothing about another. The cookie grants no access; it only separates the device's own wrong guesses.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const MAX_ACCOUNTS = 8
const KNOWN_DAYS = 180
const DAY_MS = 86_400_000
const ID = /^[\w-]{22}$/

export const DEVICE_COOKIE_SECONDS = (KNOWN_DAYS * DAY_MS) / 1000

export interface Account {
  readonly id: number
  readonly passwordHash: string
}

export interface Devices {
  /** The device's id, if the cookie has a valid signature for this account. */
  knownBy(cookie: string | undefined, account: Account, now: Date): string | undefined
  /** The cookie with this account's signature added or renewed. */
  remember(cookie: string | undefined, account: Account, now: Date): string
}

export function createDevices(key: Buffer): Devices {
  const sign = (device: string, { id, passwordHash }: Account, day: string) =>
    createHmac('sha256', key).update([device, id, day, passwordHash].join('\n')).digest('base64url')

  return {
    knownBy(cookie, account, now) {
      const { device, entries } = read(cookie)
      const today = Math.floor(now.getTime() / DAY_MS)
      const known = entries.some(({ userId, day, signature }) => {
        const age = today - Number(day)
        return userId === String(account.id) && age <= KNOWN_DAYS && same(signature, sign(device, account, day))
      })
      return known ? device : undefined
    },
    remember(cookie, account, now) {
      const { device, entries } = read(cookie)
      const day = String(Math.floor(now.getTime() / DAY_MS))
      const others = entries.filter(({ userId }) => userId !== String(account.id)).slice(0, MAX_ACCOUNTS - 1)
      const own = { userId: String(account.id), day, signature: sign(device, account, day) }
      return [device, ...[own, ...others].map((entry) => `${entry.userId}.${entry.day}.${entry.signature}`)].join('~')
    },
  }
}

interface Entry {
  readonly userId: string
  readonly day: string
  readonly signature: string
}

/** An invalid cookie counts as a new device. */
function read(cookie: string | undefined): { device: string; entries: Entry[] } {
  const [device = '', ...parts] = (cookie ?? '').slice(0, 2000).split('~')
  if (!ID.test(device)) return { device: randomBytes(16).toString('base64url'), entries: [] }
  const entries = parts.slice(0, MAX_ACCOUNTS).flatMap((part) => {
    const [, userId, day, signature] = /^(\d{1,16})\.(\d{1,6})\.([\w-]{43})$/.exec(part) ?? []
    return userId && day && signature ? [{ userId, day, signature }] : []
  })
  return { device, entries }
}

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
