/**
 * The links of attempts: signed locally, or requested from a gateway once the attempt is stored. A requested link is
 * stored until it expires, and one process at a time requests it: a second request may invalidate the link that a buyer
 * is looking at.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { faultPoint } from '#fault-point'
import { ShopError } from '../../errors.ts'
import type { AttemptToPay, Client, Links, PayLink, RequestedLink } from '../contract.ts'
import { findProvider, type Payments } from '../payments.ts'

/**
 * Longer than a call with its retries takes (8 s). If a link is requested twice all the same, the older one dies; no
 * money moves.
 */
const CLAIM_MS = 10_000
/** How long a concurrent request waits for the link that another one is fetching. */
const MAX_WAIT_MS = 4000
const POLL_EVERY_MS = 100
/** Gateways refuse a link that expires within a minute, and making one takes a moment. */
const MIN_LIFE_MS = 65_000

/** @throws ShopError ORDER_ENDS_SOON */
export function requireTimeForLink(expiresAt: Date, now: Date): void {
  if (expiresAt <= minExpiry(now)) throw new ShopError('ORDER_ENDS_SOON')
}

/** The link, if making it needs no network call, so that it can be made inside a transaction. */
export async function signedLink(links: Links, attempt: AttemptToPay): Promise<PayLink | undefined> {
  return links.signed === 'locally' ? links.sign(attempt) : undefined
}

/**
 * The attempt's stored link with its expiry, or a new one requested from the gateway, at the merchant where the attempt
 * was opened. Never call it inside a transaction.
 * @throws ShopError GATEWAY_UNAVAILABLE; ORDER_ENDS_SOON; ORDER_NOT_PAYABLE once the attempt is no longer open
 */
export async function requestedLink(
  payments: Payments,
  attempt: Omit<AttemptToPay, 'merchant'> & { provider: string },
  client: Client,
): Promise<RequestedLink> {
  const { links } = findProvider(payments, attempt.provider)
  for (let waited = 0; waited < MAX_WAIT_MS; waited += POLL_EVERY_MS) {
    const { merchant, living } = await keptLink(payments, attempt.attemptNo)
    if (living) return living
    requireTimeForLink(attempt.expiresAt, payments.clock())
    if (links.signed === 'locally')
      return { link: await links.sign({ ...attempt, merchant }), until: attempt.expiresAt }
    if (await claim(payments, attempt.attemptNo)) return requestLink(payments, links, { ...attempt, merchant }, client)
    await pause(POLL_EVERY_MS)
  }
  throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 2 })
}

async function requestLink(
  { db, clock }: Payments,
  links: Extract<Links, { signed: 'at the gateway' }>,
  attempt: AttemptToPay,
  client: Client,
): Promise<RequestedLink> {
  faultPoint('link: claimed, not requested')
  try {
    const requested = await links.request(attempt, client)
    const { link, until } = requested
    faultPoint('link: ordered, not kept')
    await db
      .updateTable('payment_attempts')
      .set({ link: JSON.stringify(link), link_until: until, link_claimed_until: null })
      .where('attempt_no', '=', attempt.attemptNo)
      .execute()
    return requested
  } catch (error) {
    const free = { link_claimed_until: clock() }
    await db.updateTable('payment_attempts').set(free).where('attempt_no', '=', attempt.attemptNo).execute()
    throw error
  }
}

/** A link is handed out only if it expires after this time. */
const minExpiry = (now: Date): Date => new Date(now.getTime() + MIN_LIFE_MS)

async function keptLink({ db, clock }: Payments, attemptNo: string) {
  const kept = await db
    .selectFrom('payment_attempts')
    .select(['link', 'link_until', 'status', 'merchant'])
    .where('attempt_no', '=', attemptNo)
    .executeTakeFirst()
  if (kept?.status !== 'open') throw new ShopError('ORDER_NOT_PAYABLE')
  const { merchant, link, link_until: until } = kept
  const living = link && until && until > minExpiry(clock()) ? { link, until } : undefined
  return { merchant, living }
}

/** Claims only while there is no valid link: the process that held the claim may have stored one since we looked. */
async function claim({ db, clock }: Payments, attemptNo: string): Promise<boolean> {
  const now = clock()
  const claimed = await db
    .updateTable('payment_attempts')
    .set({ link_claimed_until: new Date(now.getTime() + CLAIM_MS) })
    .where('attempt_no', '=', attemptNo)
    .where('status', '=', 'open')
    .where((where) => where.or([where('link_claimed_until', 'is', null), where('link_claimed_until', '<=', now)]))
    .where((where) => where.or([where('link_until', 'is', null), where('link_until', '<=', minExpiry(now))]))
    .returning('id')
    .executeTakeFirst()
  return claimed !== undefined
}
