/** Whether the environment sets Alipay up: read at every start, before any of its code is needed. */
import type { Environment } from '../../../config.ts'

const KEYS = [
  'ALIPAY_PRIVATE_KEY',
  'ALIPAY_PUBLIC_KEY',
  'ALIPAY_APP_CERT',
  'ALIPAY_ALIPAY_CERT',
  'ALIPAY_ROOT_CERT',
] as const
/** Any one of them means that Alipay is meant to be set up: missing settings are then reported, not ignored. */
const NAMED = ['ALIPAY_APP_ID', 'ALIPAY_SELLER_ID', 'ALIPAY_GATEWAY', ...KEYS.flatMap((name) => [name, `${name}_FILE`])]

/** The setting for its gateway; the default is the real one. */
export const ALIPAY_GATEWAY = 'ALIPAY_GATEWAY'

/** Whether the environment sets Alipay up, for the real gateway or another sandbox. */
export const isAlipaySetUp = (environment: Environment): boolean => NAMED.some((name) => environment[name]?.trim())
