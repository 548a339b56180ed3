/** Alipay's settings: from the environment, or else those of the sandbox merchant in the data folder. */
import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Alipay,
  type AlipayOptions,
  type CertificateFiles,
  certSn,
  createAlipay,
  describeKey,
  readPrivateKey,
  readPublicKey,
  rootCertSn,
} from '@xuecheng/alipay'
import { type Config, type Environment, flag, SettingError, sandboxAddress, textOrFile } from '../../../config.ts'
import { isSetUp } from '../definition.ts'
import { keySetting, named, settingReader, textSetting, tryKey } from '../key-settings.ts'
import { ALIPAY_FORM } from './form.ts'

export interface AlipaySettings {
  readonly gateway: string
  readonly appId: string
  readonly sellerId: string
  readonly keys: AlipayKeys
  readonly notifyUrl: string
  readonly returnUrl: string
  /** The base URL of the shop's own pages, without a trailing slash. */
  readonly shopUrl: string
  /** Whether phones are sent to `wap.pay`, a product with its own contract; otherwise they get `page.pay` as well. */
  readonly wap: boolean
  /** Alipay's contractual fee, in ten-thousandths of a payment; without it fees are recorded but not checked. */
  readonly feeRate: number | undefined
  /** Whether this is the shop's own sandbox. */
  readonly sandbox: boolean
}

/** Keys as texts: the client parses them, and the diagnostics report what is wrong with them. */
export type AlipayKeys =
  | { readonly privateKey: string; readonly alipayPublicKey: string }
  | { readonly privateKey: string; readonly certificates: CertificateFiles }

/** What the diagnostics send to our notify address, and no gateway would; the inbox recognises it. */
export const NOTIFY_PROBE = 'notify_type=trade_status_sync'

/** The merchant that the shop registers with its own sandbox. */
export const SANDBOX_MERCHANT = { appId: '9021000100000001', sellerId: '2088721000000001' }

export const sandboxKeyFile = (config: Config, name: 'app_private_key' | 'app_public_key' | 'alipay_public_key') =>
  join(config.dataDir, 'keys', 'alipay', `${name}.pem`)

/**
 * The settings; their keys are not parsed yet. Undefined if Alipay is not set up.
 * @throws SettingError naming the first setting that is missing or malformed
 */
export function readAlipaySettings(config: Config): AlipaySettings | undefined {
  const urls = {
    notifyUrl: `${config.publicUrl}/api/payments/alipay/notify`,
    returnUrl: `${config.publicUrl}/pay/success`,
    shopUrl: config.publicUrl,
    wap: flag(config.environment, 'ALIPAY_WAP', true),
    feeRate: feeRate(config.environment),
  }
  if (isSetUp(ALIPAY_FORM, config.environment))
    return { ...fromEnvironment(config.environment), ...urls, sandbox: false }
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

/** Opens a client, which parses the keys. @throws SettingError naming the key and what is wrong with it */
export function openClient(settings: AlipaySettings, options: Partial<AlipayOptions> = {}): Alipay {
  const { gateway, appId, keys } = settings
  tryKey('ALIPAY_PRIVATE_KEY', keys.privateKey, readPrivateKey)
  if ('alipayPublicKey' in keys) tryKey('ALIPAY_PUBLIC_KEY', keys.alipayPublicKey, readPublicKey)
  else {
    named('ALIPAY_APP_CERT', () => certSn(keys.certificates.appCert))
    named('ALIPAY_ALIPAY_CERT', () => certSn(keys.certificates.alipayCert))
    named('ALIPAY_ROOT_CERT', () => rootCertSn(keys.certificates.rootCert))
  }
  // The remaining possibility: the keys do not match each other.
  const rest = 'certificates' in keys ? 'ALIPAY_APP_CERT' : 'ALIPAY_PUBLIC_KEY'
  return named(rest, () => createAlipay({ ...options, gateway, appId, ...keys }))
}

function fromEnvironment(
  environment: Environment,
): Omit<AlipaySettings, 'notifyUrl' | 'returnUrl' | 'shopUrl' | 'wap' | 'feeRate' | 'sandbox'> {
  const { gateway, appId, sellerId, keys, faults } = readAlipayParts(environment)
  if (gateway !== undefined && appId !== undefined && sellerId !== undefined && keys) {
    return { gateway, appId, sellerId, keys }
  }
  throw faults[0]
}

/** The environment's settings that could be read; undefined for those listed as faults. */
export interface AlipayParts {
  readonly gateway: string | undefined
  readonly appId: string | undefined
  readonly sellerId: string | undefined
  readonly privateKey: string | undefined
  /** Alipay's public key, or its certificate. */
  readonly gatewayKey: string | undefined
  readonly keys: AlipayKeys | undefined
  readonly faults: readonly SettingError[]
}

const CERTIFICATES = ['ALIPAY_APP_CERT', 'ALIPAY_ALIPAY_CERT', 'ALIPAY_ROOT_CERT'] as const

const hasCertificates = (environment: Environment): boolean =>
  CERTIFICATES.some((name) => environment[`${name}_FILE`]?.trim() || environment[name]?.trim())

export function readAlipayParts(environment: Environment): AlipayParts {
  const { text, key, faults } = settingReader(ALIPAY_FORM, environment)
  const gateway = text('ALIPAY_GATEWAY')?.replace(/\/+$/, '')
  const appId = text('ALIPAY_APP_ID')
  const sellerId = text('ALIPAY_SELLER_ID')
  const privateKey = key('ALIPAY_PRIVATE_KEY')
  const known = { gateway, appId, sellerId, privateKey, faults }
  if (!hasCertificates(environment)) {
    const gatewayKey = key('ALIPAY_PUBLIC_KEY')
    const whole = privateKey !== undefined && gatewayKey !== undefined
    return { ...known, gatewayKey, keys: whole ? { privateKey, alipayPublicKey: gatewayKey } : undefined }
  }
  const [appCert, alipayCert, rootCert] = CERTIFICATES.map(key)
  const whole = privateKey !== undefined && appCert !== undefined && alipayCert !== undefined && rootCert !== undefined
  const keys = whole ? { privateKey, certificates: { appCert, alipayCert, rootCert } } : undefined
  return { ...known, gatewayKey: alipayCert, keys }
}

/**
 * The key that Alipay signs with: all that is needed to verify a return or a notification.
 * @throws SettingError if it is missing, cannot be read, or is the application's own key
 */
export function readGatewayKey(config: Config): KeyObject {
  const { environment } = config
  const name = hasCertificates(environment) ? 'ALIPAY_ALIPAY_CERT' : 'ALIPAY_PUBLIC_KEY'
  const sandbox = sandboxKeyFile(config, 'alipay_public_key')
  const fromSandbox = !isSetUp(ALIPAY_FORM, environment) && config.sandbox.enabled && existsSync(sandbox)
  const text = fromSandbox ? readFileSync(sandbox, 'utf8') : keySetting(environment, name)
  tryKey(name, text, readPublicKey)
  const own = fromSandbox ? undefined : textOrFile(environment, 'ALIPAY_PRIVATE_KEY')
  if (own !== undefined && describeKey(own).fingerprint === describeKey(text).fingerprint) {
    throw new SettingError(name, "is the application's own public key, not Alipay's", './keys/alipay_public_key.pem')
  }
  return readPublicKey(text)
}

/** `ALIPAY_FEE_RATE=0.6%`: exact to a ten-thousandth. */
function feeRate(environment: Environment): number | undefined {
  if (!environment['ALIPAY_FEE_RATE']?.trim()) return undefined
  const [whole = '', hundredths = ''] = textSetting(ALIPAY_FORM, environment, 'ALIPAY_FEE_RATE').slice(0, -1).split('.')
  return Number(whole) * 100 + Number(hundredths.padEnd(2, '0'))
}
