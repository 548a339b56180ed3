/** WeChat Pay's settings: the environment's, or else the sandbox merchant's under the data folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createWechatPay,
  FieldError,
  KeyError,
  readPrivateKey,
  readPublicKey,
  type WechatPay,
  type WechatPayOptions,
} from '@xuecheng/wechatpay'
import {
  address,
  type Config,
  type Environment,
  flag,
  SettingError,
  sandboxAddress,
  textOrFile,
} from '../../../config.ts'
import { named, tryKey } from '../key-settings.ts'

export interface WechatSettings {
  readonly baseUrl: string
  readonly mchId: string
  readonly appId: string
  readonly serialNo: string
  /** Keys as texts: the client parses them. */
  readonly privateKey: string
  readonly apiV3Key: string
  /** Without it WeChat Pay's certificates are downloaded, and their rotation followed. */
  readonly publicKey: { readonly id: string; readonly key: string } | undefined
  readonly notifyUrl: string
  readonly returnUrl: string
  /** Whether phones are sent to the H5 cashier, a product with a contract of its own; otherwise they get the code as well. */
  readonly h5: boolean
  /** Whether this is the shop's own sandbox. */
  readonly sandbox: boolean
}

/** The merchant that the shop registers with its own sandbox. */
export const SANDBOX_MERCHANT = { mchId: '1900000001', appId: 'wx0000000000000001' }

export type SandboxFile =
  | 'merchant_private_key.pem'
  | 'api_v3_key'
  | 'wechatpay_public_key.pem'
  | 'wechatpay_public_key_id'

export const sandboxFile = (config: Config, name: SandboxFile) => join(config.dataDir, 'keys', 'wechat', name)

const KEYS = ['WECHATPAY_PRIVATE_KEY', 'WECHATPAY_API_V3_KEY', 'WECHATPAY_PUBLIC_KEY'] as const
/** Any one of them means that somebody sets WeChat Pay up: what is missing beside it is named, not passed over. */
const NAMED = [
  'WECHATPAY_MCH_ID',
  'WECHATPAY_APP_ID',
  'WECHATPAY_SERIAL_NO',
  'WECHATPAY_PUBLIC_KEY_ID',
  'WECHATPAY_BASE_URL',
  ...KEYS.flatMap((name) => [name, `${name}_FILE`]),
]

/** Whether somebody set WeChat Pay up by hand, for the real gateway or another sandbox. */
export const isWechatSetUp = (environment: Environment): boolean => NAMED.some((name) => environment[name]?.trim())

const PRODUCTION = 'https://api.mch.weixin.qq.com'

/**
 * The settings, their keys not yet tried. Undefined when WeChat Pay is not set up.
 * @throws SettingError naming the first setting that is missing or misshapen
 */
export function readWechatSettings(config: Config): WechatSettings | undefined {
  const { environment, publicUrl } = config
  const ours = {
    notifyUrl: `${publicUrl}/api/payments/wechat/notify`,
    returnUrl: `${publicUrl}/pay/success`,
    h5: flag(environment, 'WECHATPAY_H5', true),
  }
  if (isWechatSetUp(environment)) return { ...fromEnvironment(environment), ...ours, sandbox: false }
  if (!config.sandbox.enabled || !existsSync(sandboxFile(config, 'wechatpay_public_key_id'))) return undefined
  const read = (name: SandboxFile) => readFileSync(sandboxFile(config, name), 'utf8').trim()
  const privateKey = read('merchant_private_key.pem')
  return {
    baseUrl: sandboxAddress(config),
    ...SANDBOX_MERCHANT,
    serialNo: SANDBOX_SERIAL,
    privateKey,
    apiV3Key: read('api_v3_key'),
    publicKey: { id: read('wechatpay_public_key_id'), key: read('wechatpay_public_key.pem') },
    ...ours,
    sandbox: true,
  }
}

/** The sandbox takes any serial that names the key it was given. */
export const SANDBOX_SERIAL = '5857554348454E47000000000000000000000001'

/** Opens a client; its keys are parsed here. @throws SettingError that names the one that is wrong, and nothing of it */
export function openClient(settings: WechatSettings, options: Partial<WechatPayOptions> = {}): WechatPay {
  const { baseUrl, mchId, appId, serialNo, privateKey, apiV3Key, publicKey } = settings
  tryKey('WECHATPAY_PRIVATE_KEY', privateKey, readPrivateKey)
  if (publicKey) tryKey('WECHATPAY_PUBLIC_KEY', publicKey.key, readPublicKey)
  // What is left: one of the texts, or a public key that is the merchant's own.
  const open = () => {
    const given = { ...options, baseUrl, mchId, appId, serialNo, privateKey, apiV3Key }
    return createWechatPay({ ...given, ...(publicKey && { publicKey: publicKey.key, publicKeyId: publicKey.id }) })
  }
  try {
    return open()
  } catch (error) {
    if (error instanceof FieldError) throw new SettingError(SETTING_OF[error.field] ?? error.field, error.message, '…')
    const isSecret = error instanceof KeyError && error.code === 'UNREADABLE_API_V3_KEY'
    return named(isSecret ? 'WECHATPAY_API_V3_KEY' : 'WECHATPAY_PUBLIC_KEY', () => {
      throw error
    })
  }
}

/** What the client calls it, and what it is called here. */
const SETTING_OF: Readonly<Record<string, string>> = {
  baseUrl: 'WECHATPAY_BASE_URL',
  mchId: 'WECHATPAY_MCH_ID',
  appId: 'WECHATPAY_APP_ID',
  serialNo: 'WECHATPAY_SERIAL_NO',
  publicKeyId: 'WECHATPAY_PUBLIC_KEY_ID',
}

function fromEnvironment(environment: Environment) {
  const key = textOrFile(environment, 'WECHATPAY_PUBLIC_KEY')
  const id = environment['WECHATPAY_PUBLIC_KEY_ID']?.trim()
  return {
    baseUrl: address(environment, 'WECHATPAY_BASE_URL', PRODUCTION),
    mchId: shaped(environment, 'WECHATPAY_MCH_ID', /^\d{1,32}$/, '1900000001'),
    appId: shaped(environment, 'WECHATPAY_APP_ID', /^\w{1,32}$/, 'wxd678efh567hg6787'),
    serialNo: shaped(environment, 'WECHATPAY_SERIAL_NO', /^[0-9A-Fa-f]{8,64}$/, '5157F09EFDC096DE15EBE81A47057A72'),
    privateKey: needed(environment, 'WECHATPAY_PRIVATE_KEY'),
    apiV3Key: secret(environment),
    // The two belong together: one without the other is a mistake, and neither means platform certificates.
    publicKey: key === undefined && !id ? undefined : publicKeyFrom(environment),
  }
}

const publicKeyFrom = (environment: Environment) => ({
  key: needed(environment, 'WECHATPAY_PUBLIC_KEY'),
  id: shaped(environment, 'WECHATPAY_PUBLIC_KEY_ID', /^PUB_KEY_ID_\w+$/, 'PUB_KEY_ID_0119000000012026'),
})

/** Never repeated in the message, since it is the secret itself. */
function secret(environment: Environment): string {
  const value = textOrFile(environment, 'WECHATPAY_API_V3_KEY')?.trim()
  if (value === undefined) throw new SettingError('WECHATPAY_API_V3_KEY', 'is missing', '(32 characters)')
  if (!/^[\x21-\x7e]{32}$/.test(value)) {
    throw new SettingError('WECHATPAY_API_V3_KEY', `has ${value.length} characters, not 32 of ASCII`, '(32 characters)')
  }
  return value
}

function shaped(environment: Environment, name: string, shape: RegExp, example: string): string {
  const value = environment[name]?.trim()
  if (!value) throw new SettingError(name, 'is missing', example)
  if (!shape.test(value)) throw new SettingError(name, `"${value}" does not look like one`, example)
  return value
}

function needed(environment: Environment, name: string): string {
  const text = textOrFile(environment, name)
  if (text !== undefined) return text
  throw new SettingError(`${name}_FILE`, 'is missing', `./keys/${name.toLowerCase()}.pem`)
}
