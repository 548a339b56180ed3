/**
 * The links of attempts: signed locally, or requested from a gateway once the attempt is stored. A requested link is
 * stored until it expires, and one process at a time requests it: a second request may invalidate the link that a buyer
 * is looking at.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import { pipelinedTransaction } from '../../db/statements/pipelined-transaction.ts'
import { ShopError } from '../../errors.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { changePayType } from '../../orders/transition.ts'
import { openAttemptsOf, payableAttempt } from '../attempts/attempts.ts'
import type { AttemptToPay, Client, Links, PayLink, RequestedLink } from '../contract.ts'
import { closeQuietly } from '../gateway-sync/close-attempts.ts'
import { queryAttempt } from '../gateway-sync/query.ts'
import { findProvider, type Payments } from '../payments.ts'
import { CLOSE_ATTEMPTS } from '../tasks.ts'

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

type Named = Omit<AttemptToPay, 'merchant'> & { readonly provider: string }

/**
 * The attempt's stored link with its expiry, or a new one requested from the gateway, at the merchant where the attempt
 * was opened. Never call it inside a transaction.
 * @returns undefined when the attempt can no longer be paid
 * @throws ShopError GATEWAY_UNAVAILABLE; ORDER_ENDS_SOON; PAYMENT_REFUSED when the gateway makes no link for it
 */
export async function requestedLink(
  payments: Payments,
  attempt: Named,
  client: Client,
): Promise<RequestedLink | undefined> {
  const { links } = findProvider(payments, attempt.provider)
  for (let waited = 0; waited < MAX_WAIT_MS; waited += POLL_EVERY_MS) {
    const kept = await keptLink(payments, attempt.attemptNo)
    if (!kept) return undefined
    const { merchant, living } = kept
    if (living) return living
    requireTimeForLink(attempt.expiresAt, payments.clock())
    if (links.signed === 'locally')
      return { link: await links.sign({ ...attempt, merchant }), until: attempt.expiresAt }
    if (await claim(payments, attempt.attemptNo)) return requestLink(payments, links, { ...attempt, ...kept }, client)
    await pause(POLL_EVERY_MS)
  }
  throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 2 })
}

async function requestLink(
  payments: Payments,
  links: Extract<Links, { signed: 'at the gateway' }>,
  attempt: Named & { merchant: string | null; orderId: number },
  client: Client,
): Promise<RequestedLink | undefined> {
  const { db, clock } = payments
  faultPoint('link: claimed, not requested')
  try {
    const answer = await links.request(attempt, client)
    // guard: refused-link-queried
    if ('refusal' in answer) return await refused(payments, attempt, answer.refusal)
    faultPoint('link: requested, not kept')
    return (await keepLink(payments, attempt, answer)) ? answer : undefined
  } catch (error) {
    const free = { link_claimed_until: clock() }
    await db.updateTable('payment_attempts').set(free).where('attempt_no', '=', attempt.attemptNo).execute()
    throw error
  }
}

/**
 * Stores the link, unless the attempt was closed or its order was paid while the gateway made it. Only now the attempt
 * replaces those before it: until then the buyer can pay by their links only.
 * @returns whether the link may be handed out
 */
function keepLink(
  { db }: Payments,
  { orderId, attemptNo, provider }: { orderId: number; attemptNo: string; provider: string },
  { link, until }: RequestedLink,
): Promise<boolean> {
  return pipelinedTransaction(db, async ({ tx, begin, end }) => {
    const [[order], [attempt], open] = await begin(
      tx.selectFrom('orders').select('pay_type').where('id', '=', orderId).modifyEnd(sql`for no key update`),
      payableAttempt(tx, attemptNo).modifyEnd(sql`for no key update of payment_attempts`),
      openAttemptsOf(tx, orderId),
    )
    // guard: link-of-closed-attempt
    if (!order || !attempt) return false
    if (order.pay_type !== provider && open[0]?.attempt_no === attemptNo) await changePayType(tx, orderId, provider)
    if (open.length > 1) await enqueue(tx, CLOSE_ATTEMPTS, { orderId })
    await end(
      tx
        .updateTable('payment_attempts')
        .set({ link: JSON.stringify(link), link_until: until, link_claimed_until: null })
        .where('attempt_no', '=', attemptNo),
    )
    return true
  })
}

/**
 * The gateway makes no link, perhaps since the attempt is paid or closed there: it is queried at once. If it is neither,
 * it is of no use to the buyer, and is closed.
 * @throws ShopError PAYMENT_REFUSED; GATEWAY_UNAVAILABLE
 */
async function refused(
  payments: Payments,
  { orderId, attemptNo, provider, merchant }: Named & { merchant: string | null; orderId: number },
  refusal: string,
): Promise<undefined> {
  payments.log.error({ attemptNo, provider, refusal }, 'the gateway refused to make a pay link')
  const attempt = { provider, attempt_no: attemptNo, merchant }
  const { trade } = await queryAttempt(payments, attempt)
  if (trade.state === 'paid' || trade.state === 'closed') return undefined
  await closeQuietly(payments, orderId, [attempt])
  throw new ShopError('PAYMENT_REFUSED')
}

/** A link is handed out only if it expires after this time. */
const minExpiry = (now: Date): Date => new Date(now.getTime() + MIN_LIFE_MS)

/** Undefined when the attempt can no longer be paid: it is closed, or its order is. */
async function keptLink({ db, clock }: Payments, attemptNo: string) {
  const kept = await payableAttempt(db, attemptNo).executeTakeFirst()
  if (!kept) return undefined
  const { order_id: orderId, merchant, link, link_until: until } = kept
  const living = link && until && until > minExpiry(clock()) ? { link, until } : undefined
  return { orderId, merchant, living }
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
