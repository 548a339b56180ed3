/**
 * Detects `X-Forwarded-For` from a proxy that the settings do not trust: every visitor behind it then counts as one
 * address. Logs it once per process, and stores it for the back office when the proxy is on a local network.
 */
import type { FastifyBaseLogger } from 'fastify'
import type { Database, Reader } from '../../db/connect.ts'
import { isPublicAddress } from '../../public-address.ts'
import type { Application } from '../application.ts'
import { plainAddress } from './client-address.ts'
import { forwardedEntries } from './this-machine.ts'

/** How often it is stored again while it continues. */
const AGAIN_MS = 3_600_000

interface Watching {
  readonly db: Database
  readonly trustedProxies: number
  readonly clock: () => Date
  readonly log: FastifyBaseLogger
}

export function watchForUnknownProxies(app: Application, { db, trustedProxies, clock, log }: Watching): void {
  let said = false
  let writtenAt = Number.NEGATIVE_INFINITY
  app.addHook('onRequest', (request, _reply, done) => {
    const entries = forwardedEntries(request.headers['x-forwarded-for'])
    if (entries <= trustedProxies) return done()
    const peer = request.socket.remoteAddress ?? ''
    if (!said) {
      said = true
      log.warn({ peer, entries, trusted: trustedProxies }, adviceFor(trustedProxies))
    }
    const now = clock()
    // Any client can send the header; from an address on the local network it means a real proxy.
    if (isNear(peer) && now.getTime() - writtenAt >= AGAIN_MS) {
      writtenAt = now.getTime()
      noteUnknownProxy(db, { peer, entries, trusted: trustedProxies, seen_at: now }).catch((error: unknown) =>
        log.warn({ err: error }, 'the unknown proxy could not be noted'),
      )
    }
    done()
  })
}

const adviceFor = (trusted: number): string =>
  `X-Forwarded-For came and is not believed (TRUST_PROXY=${trusted}): everybody behind that proxy counts as one address, ` +
  'and shares its limits on logins and orders. If the proxy is yours, set TRUST_PROXY to the number of proxies in front'

/** Loopback, private or link-local: where an operator's own proxies run. */
function isNear(address: string): boolean {
  const plain = plainAddress(address)
  return plain !== undefined && !isPublicAddress(plain)
}

/** Called at the start. @returns whether a proxy that the settings still do not know was seen within a day */
export async function hasUnknownProxy(db: Reader, trustedProxies: number, now: Date): Promise<boolean> {
  await db.deleteFrom('unknown_proxy').where('entries', '<=', trustedProxies).execute()
  const dayAgo = new Date(now.getTime() - 86_400_000)
  const seen = await db.selectFrom('unknown_proxy').select('entries').where('seen_at', '>', dayAgo).executeTakeFirst()
  return seen !== undefined
}

async function noteUnknownProxy(
  db: Reader,
  seen: { seen_at: Date; peer: string; entries: number; trusted: number },
): Promise<void> {
  await db
    .insertInto('unknown_proxy')
    .values(seen)
    .onConflict((conflict) => conflict.column('only_row').doUpdateSet(seen))
    .execute()
}
