/** Alipay's settings: the environment's, or else the sandbox merchant's under the data folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Alipay,
  type AlipayOptions,
  type CertificateFiles,
  certSn,
  createAlipay,
  PRODUCTION_GATEWAY,
  readPrivateKey,
  readPublicKey,
  rootCertSn,
} from '@xuecheng/alipay'
import { address, type Config, type Environment, SettingError, sandboxAddress, textOrFile } from '../../../config.ts'
import { named, tryKey } from '../key-settings.ts'

export interface AlipaySettings {
  readonly gateway: string
  readonly appId: string
  readonly sellerId: string
  readonly keys: AlipayKeys
  readonly notifyUrl: string
  readonly returnUrl: string
  /** What Alipay keeps by contract, in ten-thousandths of a payment; without it fees are noted and not judged. */
  readonly feeRate: number | undefined
  /** Whether this is the shop's own sandbox. */
  readonly sandbox: boolean
}

/** Keys as texts: the client parses them, and the doctor says what is wrong with them. */
export type AlipayKeys =
  | { readonly privateKey: string; readonly alipayPublicKey: string }
  | { readonly privateKey: string; readonly certificates: CertificateFiles }

/** The merchant that the shop registers with its own sandbox. */
export const SANDBOX_MERCHANT = { appId: '9021000100000001', sellerId: '2088721000000001' }

export const sandboxKeyFile = (config: Config, name: 'app_private_key' | 'app_public_key' | 'alipay_public_key') =>
  join(config.dataDir, 'keys', 'alipay', `${name}.pem`)

const KEYS = [
  'ALIPAY_PRIVATE_KEY',
  'ALIPAY_PUBLIC_KEY',
  'ALIPAY_APP_CERT',
  'ALIPAY_ALIPAY_CERT',
  'ALIPAY_ROOT_CERT',
] as const
/** Any one of them means that somebody sets Alipay up: what is missing beside it is named, not passed over. */
const NAMED = ['ALIPAY_APP_ID', 'ALIPAY_SELLER_ID', 'ALIPAY_GATEWAY', ...KEYS.flatMap((name) => [name, `${name}_FILE`])]

/** Whether somebody set Alipay up by hand, for the real gateway or another sandbox. */
export const isAlipaySetUp = (environment: Environment): boolean => NAMED.some((name) => environment[name]?.trim())

/**
 * The settings, their keys not yet tried. Undefined when Alipay is not set up.
 * @throws SettingError naming the first setting that is missing or misshapen
 */
export function readAlipaySettings(config: Config): AlipaySettings | undefined {
  const urls = {
    notifyUrl: `${config.publicUrl}/api/payments/alipay/notify`,
    returnUrl: `${config.publicUrl}/pay/success`,
    feeRate: feeRate(config.environment),
  }
  if (isAlipaySetUp(config.environment)) return { ...fromEnvironment(config.environment), ...urls, sandbox: false }
  if (!config.sandbox.enabled || !existsSync(sandboxKeyFile(config, 'alipay_public_key'))) return undefined
  const read = (name: Parameters<typeof sandboxKeyFile>[1]) => readFileSync(sandboxKeyFile(config, name), 'utf8')
  return {
    gateway: `${sandboxAddress(config)}/gateway.do`,
    ...SANDBOX_MERCHANT,
    keys: { privateKey: read('app_private_key'), alipayPublicKey: read('alipay_public_key') },
    ...urls,
    sandbox: true,
  }
}

/** Opens a client; its keys are parsed here. @throws SettingError that names the key and what is wrong with it */
export function openClient(settings: AlipaySettings, options: Partial<AlipayOptions> = {}): Alipay {
  const { gateway, appId, keys } = settings
  tryKey('ALIPAY_PRIVATE_KEY', keys.privateKey, readPrivateKey)
  if ('alipayPublicKey' in keys) tryKey('ALIPAY_PUBLIC_KEY', keys.alipayPublicKey, readPublicKey)
  else {
    named('ALIPAY_APP_CERT', () => certSn(keys.certificates.appCert))
    named('ALIPAY_ALIPAY_CERT', () => certSn(keys.certificates.alipayCert))
    named('ALIPAY_ROOT_CERT', () => rootCertSn(keys.certificates.rootCert))
  }
  // What is left is that they do not fit together.
  const rest = 'certificates' in keys ? 'ALIPAY_APP_CERT' : 'ALIPAY_PUBLIC_KEY'
  return named(rest, () => createAlipay({ ...options, gateway, appId, ...keys }))
}

function fromEnvironment(
  environment: Environment,
): Omit<AlipaySettings, 'notifyUrl' | 'returnUrl' | 'feeRate' | 'sandbox'> {
  return {
    gateway: address(environment, 'ALIPAY_GATEWAY', PRODUCTION_GATEWAY),
    appId: digits(environment, 'ALIPAY_APP_ID', '2021000120612450'),
    sellerId: digits(environment, 'ALIPAY_SELLER_ID', '2088621959339670'),
    keys: keysFrom(environment),
  }
}

function keysFrom(environment: Environment): AlipayKeys {
  const privateKey = needed(environment, 'ALIPAY_PRIVATE_KEY')
  const files = ['ALIPAY_APP_CERT', 'ALIPAY_ALIPAY_CERT', 'ALIPAY_ROOT_CERT']
  if (!files.some((name) => environment[`${name}_FILE`]?.trim() || environment[name]?.trim())) {
    return { privateKey, alipayPublicKey: needed(environment, 'ALIPAY_PUBLIC_KEY') }
  }
  const [appCert = '', alipayCert = '', rootCert = ''] = files.map((name) => needed(environment, name))
  return { privateKey, certificates: { appCert, alipayCert, rootCert } }
}

function digits(environment: Environment, name: string, example: string): string {
  const value = environment[name]?.trim()
  if (!value) throw new SettingError(name, 'is missing', example)
  if (!/^\d{16}$/.test(value)) throw new SettingError(name, `"${value}" is not 16 digits`, example)
  return value
}

/** `ALIPAY_FEE_RATE=0.6%`: exact to a ten-thousandth. */
function feeRate(environment: Environment): number | undefined {
  const value = environment['ALIPAY_FEE_RATE']?.trim()
  if (!value) return undefined
  const [, whole = '', hundredths = ''] = /^(\d{1,2})(?:\.(\d{1,2}))?%$/.exec(value) ?? []
  if (whole === '') throw new SettingError('ALIPAY_FEE_RATE', `"${value}" is no rate in per cent`, '0.6%')
  return Number(whole) * 100 + Number(hundredths.padEnd(2, '0'))
}

function needed(environment: Environment, name: string): string {
  const text = textOrFile(environment, name)
  if (text !== undefined) return text
  throw new SettingError(`${name}_FILE`, 'is missing', `./keys/${name.toLowerCase()}.pem`)
}
