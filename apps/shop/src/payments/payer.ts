/** Who pays, by what the browser says of itself, and what such a browser can be sent to. */
import type { FastifyRequest } from 'fastify'
import type { Checkout } from './checkout.ts'
import type { Payer } from './providers/provider.ts'

/** What the browser inside the messenger calls itself, on phones and computers, in the app for firms as well. */
const MESSENGER = /MicroMessenger/i
const PHONE = /\b(Mobile|Android|iPhone|iPod)\b/

const isMessenger = (userAgent: string): boolean => MESSENGER.test(userAgent)

/** One that says nothing of itself gets what a computer gets. */
export function payerOf(request: FastifyRequest): Payer {
  const userAgent = request.headers['user-agent'] ?? ''
  const phone = isMessenger(userAgent) ? 'messenger' : 'phone'
  return { device: PHONE.test(userAgent) ? phone : 'computer', address: request.ip }
}

/**
 * What this browser is given of a checkout. The messenger's own opens no cashier, whoever's it is: there the order stands,
 * and the buyer is to open it in another browser. On a computer it can still show a code to scan.
 */
export function checkoutFor<Answer extends Checkout>(
  request: FastifyRequest,
  { payUrl, ...answer }: Answer,
): Omit<Answer, 'payUrl'> & { payUrl?: string; elsewhere?: true } {
  const elsewhere =
    isMessenger(request.headers['user-agent'] ?? '') &&
    (payUrl !== undefined || payerOf(request).device === 'messenger')
  return { ...answer, ...(elsewhere ? { elsewhere } : payUrl !== undefined && { payUrl }) }
}
