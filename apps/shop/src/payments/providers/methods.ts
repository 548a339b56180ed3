/** The payment methods of this shop, in the order of the pages. */
import { Type } from 'typebox'
import type { Environment } from '../../config.ts'
import { isLoopbackUrl } from '../../live.ts'
import type { PaymentProvider } from '../contract.ts'
import { isSetUp, type ProviderDefinition } from './definition.ts'

const LIST = [
  // A new method is its folder and its line here.
  (await import('./alipay/definition.ts')).ALIPAY,
  (await import('./wechat/definition.ts')).WECHAT,
] as const

export type Method = ProviderDefinition<PaymentProvider, (typeof LIST)[number]['name']>

export const METHODS: readonly Method[] = LIST

/** The name of a method, as used in the API, the database and the settings. */
export const PayType = Type.Enum(METHODS.map(({ name }) => name))

/**
 * Whether the environment names a merchant at a real gateway. A gateway on this machine is another sandbox; if none is
 * named, it is the real one.
 */
export const hasRealMerchant = (environment: Environment): boolean =>
  METHODS.some((method) => {
    const address = environment[method.gateway]?.trim()
    return isSetUp(method, environment) && !(address && isLoopbackUrl(address))
  })
