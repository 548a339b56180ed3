/** Whether the environment sets WeChat Pay up: read at every start, before any of its code is needed. */
import type { Environment } from '../../../config.ts'

const KEYS = ['WECHATPAY_PRIVATE_KEY', 'WECHATPAY_API_V3_KEY', 'WECHATPAY_PUBLIC_KEY'] as const
/** Any one of them means that WeChat Pay is meant to be set up: missing settings are then reported, not ignored. */
const NAMED = [
  'WECHATPAY_MCH_ID',
  'WECHATPAY_APP_ID',
  'WECHATPAY_SERIAL_NO',
  'WECHATPAY_PUBLIC_KEY_ID',
  'WECHATPAY_BASE_URL',
  ...KEYS.flatMap((name) => [name, `${name}_FILE`]),
]

/** The setting for its gateway; the default is the real one. */
export const WECHAT_GATEWAY = 'WECHATPAY_BASE_URL'

/** Whether the environment sets WeChat Pay up, for the real gateway or another sandbox. */
export const isWechatSetUp = (environment: Environment): boolean => NAMED.some((name) => environment[name]?.trim())
