/** WeChat Pay's settings: from the environment, or else those of the sandbox merchant in the data folder. */
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
import { type Config, type Environment, flag, SettingError, sandboxAddress, textOrFile } from '../../../config.ts'
import { isSetUp } from '../definition.ts'
import { named, settingReader, tryKey } from '../key-settings.ts'
import { WECHAT_FORM } from './form.ts'

export interface WechatSettings {
  readonly baseUrl: string
  readonly mchId: string
  readonly appId: string
  readonly serialNo: string
  /** Keys as texts: the client parses them. */
  readonly privateKey: string
  readonly apiV3Key: string
  /** Without it, WeChat Pay's certificates are downloaded, and their rotation is followed. */
  readonly publicKey: { readonly id: string; readonly key: string } | undefined
  readonly notifyUrl: string
  readonly returnUrl: string
  /**
   * Whether phones are sent to the H5 cashier, a product with its own contract; otherwise they get the code as well.
   */
  readonly h5: boolean
  /** Whether this is the shop's own sandbox. */
  readonly sandbox: boolean
}

/** What the diagnostics send to our notify address, and no gateway would; the inbox recognises it. */
export const NOTIFY_PROBE = '{}'

/** The merchant that the shop registers with its own sandbox. */
export const SANDBOX_MERCHANT = { mchId: '1900000001', appId: 'wx0000000000000001' }

export type SandboxFile =
  | 'merchant_private_key.pem'
  | 'api_v3_key'
  | 'wechatpay_public_key.pem'
  | 'wechatpay_public_key_id'

export const sandboxFile = (config: Config, name: SandboxFile) => join(config.dataDir, 'keys', 'wechat', name)

/**
 * The settings; their keys are not parsed yet. Undefined if WeChat Pay is not set up.
 * @throws SettingError naming the first setting that is missing or malformed
 */
export function readWechatSettings(config: Config): WechatSettings | undefined {
  const { environment, publicUrl } = config
  const ours = {
    notifyUrl: `${publicUrl}/api/payments/wechat/notify`,
    returnUrl: `${publicUrl}/pay/success`,
    h5: flag(environment, 'WECHATPAY_H5', true),
  }
  if (isSetUp(WECHAT_FORM, environment)) return { ...fromEnvironment(environment), ...ours, sandbox: false }
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

/** The sandbox accepts any serial that names the key it was given. */
export const SANDBOX_SERIAL = '5857554348454E47000000000000000000000001'

/**
 * Opens a client, which parses the keys.
 * @throws SettingError naming the setting that is wrong, without repeating its value
 */
export function openClient(settings: WechatSettings, options: Partial<WechatPayOptions> = {}): WechatPay {
  const { baseUrl, mchId, appId, serialNo, privateKey, apiV3Key, publicKey } = settings
  tryKey('WECHATPAY_PRIVATE_KEY', privateKey, readPrivateKey)
  if (publicKey) tryKey('WECHATPAY_PUBLIC_KEY', publicKey.key, readPublicKey)
  // The remaining possibilities: one of the texts is wrong, or the public key is the merchant's own.
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

/** The client's names for the settings, and ours. */
const SETTING_OF: Readonly<Record<string, string>> = {
  baseUrl: 'WECHATPAY_BASE_URL',
  mchId: 'WECHATPAY_MCH_ID',
  appId: 'WECHATPAY_APP_ID',
  serialNo: 'WECHATPAY_SERIAL_NO',
  publicKeyId: 'WECHATPAY_PUBLIC_KEY_ID',
}

function fromEnvironment(environment: Environment) {
  const { baseUrl, mchId, appId, serialNo, privateKey, apiV3Key, publicKey, faults } = readWechatParts(environment)
  const named = mchId !== undefined && appId !== undefined && serialNo !== undefined && baseUrl !== undefined
  if (faults.length === 0 && named && privateKey !== undefined && apiV3Key !== undefined) {
    return { baseUrl, mchId, appId, serialNo, privateKey, apiV3Key, publicKey }
  }
  throw faults[0]
}

/** The environment's settings that could be read; undefined for those listed as faults. */
export function readWechatParts(environment: Environment) {
  const { text, key, read, faults } = settingReader(WECHAT_FORM, environment)
  const publicKeyText = textOrFile(environment, 'WECHATPAY_PUBLIC_KEY')
  const parts = {
    baseUrl: text('WECHATPAY_BASE_URL')?.replace(/\/+$/, ''),
    mchId: text('WECHATPAY_MCH_ID'),
    appId: text('WECHATPAY_APP_ID'),
    serialNo: text('WECHATPAY_SERIAL_NO'),
    privateKey: key('WECHATPAY_PRIVATE_KEY'),
    apiV3Key: read(secret, 'WECHATPAY_API_V3_KEY'),
    /** The text of the setting, whether or not there is a number for it. */
    publicKeyText,
    faults,
  }
  // The two belong together: one without the other is a mistake, and neither means platform certificates.
  if (publicKeyText === undefined && !environment['WECHATPAY_PUBLIC_KEY_ID']?.trim()) {
    return { ...parts, publicKey: undefined }
  }
  const [publicKey, id] = [key('WECHATPAY_PUBLIC_KEY'), text('WECHATPAY_PUBLIC_KEY_ID')]
  return { ...parts, publicKey: publicKey !== undefined && id !== undefined ? { key: publicKey, id } : undefined }
}

/** The message never repeats the value, since it is the secret itself. */
function secret(environment: Environment, name: string): string {
  const value = textOrFile(environment, name)?.trim()
  if (value === undefined) throw new SettingError(name, 'is missing', '(32 characters)')
  if (WECHAT_FORM.fields.find((field) => field.name === name)?.pattern?.test(value)) return value
  throw new SettingError(name, `has ${value.length} characters, not 32 of ASCII`, '(32 characters)')
}
