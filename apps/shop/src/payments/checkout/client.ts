/** Recognises the buyer's device by the user agent, and adapts the checkout to it. */
import type { FastifyRequest } from 'fastify'
import type { Client } from '../contract.ts'
import type { Checkout } from './open-attempt.ts'

/** The user agent of the messenger's in-app browser, on phones and computers, and in its app for companies. */
const MESSENGER = /MicroMessenger/i
const PHONE = /\b(Mobile|Android|iPhone|iPod)\b/

const isMessenger = (userAgent: string): boolean => MESSENGER.test(userAgent)

/** A request without a user agent gets what a computer gets. */
export function clientOf(request: FastifyRequest): Client {
  const userAgent = request.headers['user-agent'] ?? ''
  const phone = isMessenger(userAgent) ? 'messenger' : 'phone'
  return { device: PHONE.test(userAgent) ? phone : 'computer', address: request.ip }
}

/**
 * What this browser receives of a checkout. The messenger's in-app browser opens no gateway's cashier page: the order
 * is placed, and the buyer has to open it in another browser. On a computer it can still show a code to scan.
 */
export function checkoutFor<Answer extends Checkout>(
  request: FastifyRequest,
  { payUrl, ...answer }: Answer,
): Omit<Answer, 'payUrl'> & { payUrl?: string; elsewhere?: true } {
  const elsewhere =
    answer.status === 'unpaid' &&
    isMessenger(request.headers['user-agent'] ?? '') &&
    (payUrl !== undefined || clientOf(request).device === 'messenger')
  return { ...answer, ...(elsewhere ? { elsewhere } : payUrl !== undefined && { payUrl }) }
}
