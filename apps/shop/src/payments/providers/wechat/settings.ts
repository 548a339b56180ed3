/** WeChat Pay's settings: the environment's, or else the sandbox merchant's under the data folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWechatPay, type WechatPay, WechatPayError, type WechatPayOptions } from '@xuecheng/wechatpay'
import { address, type Config, type Environment, SettingError, textOrFile } from '../../../config.ts'

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

const NAMED = ['WECHATPAY_MCH_ID', 'WECHATPAY_PRIVATE_KEY', 'WECHATPAY_PRIVATE_KEY_FILE', 'WECHATPAY_BASE_URL']

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
    h5: environment['WECHATPAY_H5']?.trim().toLowerCase() !== 'off',
  }
  if (isWechatSetUp(environment)) return { ...fromEnvironment(environment), ...ours, sandbox: false }
  if (!config.sandbox.enabled || !existsSync(sandboxFile(config, 'wechatpay_public_key_id'))) return undefined
  const read = (name: SandboxFile) => readFileSync(sandboxFile(config, name), 'utf8').trim()
  const privateKey = read('merchant_private_key.pem')
  return {
    baseUrl: `http://${config.host}:${config.sandbox.port}`,
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

/** Opens a client; its keys are parsed here. @throws SettingError that says what is wrong with them, and nothing of them */
export function openClient(settings: WechatSettings, options: Partial<WechatPayOptions> = {}): WechatPay {
  const { baseUrl, mchId, appId, serialNo, privateKey, apiV3Key, publicKey } = settings
  try {
    return createWechatPay({
      ...options,
      baseUrl,
      mchId,
      appId,
      serialNo,
      privateKey,
      apiV3Key,
      ...(publicKey && { publicKey: publicKey.key, publicKeyId: publicKey.id }),
    })
  } catch (error) {
    if (!(error instanceof WechatPayError)) throw error
    throw new SettingError('WECHATPAY_PRIVATE_KEY, _PUBLIC_KEY or _API_V3_KEY', error.message.replace(/\.$/, ''), '…')
  }
}

function fromEnvironment(environment: Environment) {
  const key = textOrFile(environment, 'WECHATPAY_PUBLIC_KEY')
  return {
    baseUrl: address(environment, 'WECHATPAY_BASE_URL', PRODUCTION),
    mchId: shaped(environment, 'WECHATPAY_MCH_ID', /^\d{1,32}$/, '1900000001'),
    appId: shaped(environment, 'WECHATPAY_APP_ID', /^\w{1,32}$/, 'wxd678efh567hg6787'),
    serialNo: shaped(environment, 'WECHATPAY_SERIAL_NO', /^[0-9A-Fa-f]{8,64}$/, '5157F09EFDC096DE15EBE81A47057A72'),
    privateKey: needed(environment, 'WECHATPAY_PRIVATE_KEY'),
    apiV3Key: secret(environment),
    publicKey:
      key === undefined
        ? undefined
        : {
            key,
            id: shaped(environment, 'WECHATPAY_PUBLIC_KEY_ID', /^PUB_KEY_ID_\w+$/, 'PUB_KEY_ID_0119000000012026'),
          },
  }
}

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
