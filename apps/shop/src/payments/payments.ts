/** What every payment operation needs, assembled once at start. */
import type { Logger } from 'pino'
import type { Principals } from '../auth/principal.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import type { PaymentProvider } from './contract.ts'
import type { DuplicateNotifications } from './notifications/duplicates.ts'
import type { UnverifiedQuota } from './notifications/unverified-quota.ts'

export interface Payments {
  readonly db: Database
  readonly providers: ReadonlyMap<string, PaymentProvider>
  readonly principals: Principals
  readonly duplicates: DuplicateNotifications
  readonly quota: UnverifiedQuota
  readonly clock: Clock
  readonly orderTtlMinutes: number
  readonly log: Logger
}

/** Whether a gateway could not be queried: it gives no answer, or there are no longer any keys for its method. */
export const isGatewayUnavailable = (error: unknown): boolean =>
  error instanceof ShopError && (error.code === 'GATEWAY_UNAVAILABLE' || error.code === 'PAY_METHOD_UNAVAILABLE')

/** @throws ShopError PAY_METHOD_UNAVAILABLE */
export function findProvider(payments: Payments, name: string): PaymentProvider {
  const provider = payments.providers.get(name)
  if (!provider) throw new ShopError('PAY_METHOD_UNAVAILABLE')
  return provider
}
