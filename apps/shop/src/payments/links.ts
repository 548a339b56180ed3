/**
 * The links of attempts: signed here on the spot, or ordered from a gateway once the attempt is stored. An ordered link is
 * kept until it ends, and one process at a time asks for it: asking again may kill the link that a buyer is looking at.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { faultPoint } from '#fault-point'
import { ShopError } from '../errors.ts'
import { type Payments, providerNamed } from './payments.ts'
import type { AttemptToPay, Links, OrderedLink, Payer, PayLink } from './providers/provider.ts'

/** Longer than a call with its repeats may take (8 s). Ordered twice after all, the older link dies; no money moves. */
const CLAIM_MS = 10_000
/** How long somebody who came second waits for the first one's link. */
const PATIENCE_MS = 4000
const LOOK_EVERY_MS = 100
/** A link that ends within this is not worth giving to anybody. */
const LEAST_LIFE_MS = 60_000

/** The link, where making it needs no network, so that it can be made inside a transaction. */
export async function signedLink(links: Links, attempt: AttemptToPay): Promise<PayLink | undefined> {
  return links.made === 'here' ? links.sign(attempt) : undefined
}

/**
 * The attempt's link with its end, ordered from its gateway unless it has one, at the merchant that it was opened at. Never
 * inside a transaction.
 * @throws ShopError GATEWAY_UNAVAILABLE; ORDER_NOT_PAYABLE once the attempt is not open any more
 */
export async function orderedLink(
  payments: Payments,
  attempt: Omit<AttemptToPay, 'merchant'> & { provider: string },
  payer: Payer,
): Promise<OrderedLink> {
  const { links } = providerNamed(payments, attempt.provider)
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_EVERY_MS) {
    const { merchant, living } = await keptLink(payments, attempt.attemptNo)
    if (living) return living
    if (links.made === 'here') return { link: await links.sign({ ...attempt, merchant }), until: attempt.expiresAt }
    if (await claim(payments, attempt.attemptNo)) return order(payments, links, { ...attempt, merchant }, payer)
    await pause(LOOK_EVERY_MS)
  }
  throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 2 })
}

async function order(
  { db, clock }: Payments,
  links: Extract<Links, { made: 'there' }>,
  attempt: AttemptToPay,
  payer: Payer,
): Promise<OrderedLink> {
  faultPoint('link: claimed, not ordered')
  try {
    const ordered = await links.order(attempt, payer)
    const { link, until } = ordered
    faultPoint('link: ordered, not kept')
    await db
      .updateTable('payment_attempts')
      .set({ link: JSON.stringify(link), link_until: until, link_claimed_until: null })
      .where('attempt_no', '=', attempt.attemptNo)
      .execute()
    return ordered
  } catch (error) {
    const free = { link_claimed_until: clock() }
    await db.updateTable('payment_attempts').set(free).where('attempt_no', '=', attempt.attemptNo).execute()
    throw error
  }
}

/** When a link must live until at least, to be given to anybody. */
const worthGiving = (now: Date): Date => new Date(now.getTime() + LEAST_LIFE_MS)

async function keptLink({ db, clock }: Payments, attemptNo: string) {
  const kept = await db
    .selectFrom('payment_attempts')
    .select(['link', 'link_until', 'status', 'merchant'])
    .where('attempt_no', '=', attemptNo)
    .executeTakeFirst()
  if (kept?.status !== 'open') throw new ShopError('ORDER_NOT_PAYABLE')
  const { merchant, link, link_until: until } = kept
  const living = link && until && until > worthGiving(clock()) ? { link, until } : undefined
  return { merchant, living }
}

/** Only where there is still no living link: the one who had the claim may have kept its link since we looked. */
async function claim({ db, clock }: Payments, attemptNo: string): Promise<boolean> {
  const now = clock()
  const claimed = await db
    .updateTable('payment_attempts')
    .set({ link_claimed_until: new Date(now.getTime() + CLAIM_MS) })
    .where('attempt_no', '=', attemptNo)
    .where('status', '=', 'open')
    .where((where) => where.or([where('link_claimed_until', 'is', null), where('link_claimed_until', '<=', now)]))
    .where((where) => where.or([where('link_until', 'is', null), where('link_until', '<=', worthGiving(now))]))
    .returning('id')
    .executeTakeFirst()
  return claimed !== undefined
}
