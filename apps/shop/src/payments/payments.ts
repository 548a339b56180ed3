/** What every payment operation needs, put together once at start. */
import type { Logger } from 'pino'
import type { Viewers } from '../accounts/viewer.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { PaymentProvider } from './providers/provider.ts'
import type { Repeats } from './repeated.ts'

export interface Payments {
  readonly db: Database
  readonly providers: ReadonlyMap<string, PaymentProvider>
  readonly viewers: Viewers
  readonly repeats: Repeats
  readonly clock: Clock
  readonly orderTtlMinutes: number
  readonly log: Logger
}

/** Whether a gateway could not be asked: it gives no answer, or there are no keys of its method any more. */
export const isAway = (error: unknown): boolean =>
  error instanceof ShopError && (error.code === 'GATEWAY_UNAVAILABLE' || error.code === 'PAY_METHOD_UNAVAILABLE')

/** @throws ShopError PAY_METHOD_UNAVAILABLE */
export function providerNamed(payments: Payments, name: string): PaymentProvider {
  const provider = payments.providers.get(name)
  if (!provider) throw new ShopError('PAY_METHOD_UNAVAILABLE')
  return provider
}
