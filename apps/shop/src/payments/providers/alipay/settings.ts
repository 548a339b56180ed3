/** Alipay's settings: the environment's, or else the sandbox merchant's under the data folder. */

import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KeyError, PRODUCTION_GATEWAY, readPrivateKey, readPublicKey } from '@xuecheng/alipay'
import { address, type Config, type Environment, SettingError, textOrFile } from '../../../config.ts'

export interface AlipaySettings {
  readonly gateway: string
  readonly appId: string
  readonly sellerId: string
  readonly privateKey: KeyObject
  readonly alipayPublicKey: KeyObject
  readonly notifyUrl: string
  readonly returnUrl: string
}

/** The merchant that the shop registers with its own sandbox. */
export const SANDBOX_MERCHANT = { appId: '9021000100000001', sellerId: '2088721000000001' }

export const sandboxKeyFile = (config: Config, name: 'app_private_key' | 'app_public_key' | 'alipay_public_key') =>
  join(config.dataDir, 'keys', 'alipay', `${name}.pem`)

const NAMED = ['ALIPAY_APP_ID', 'ALIPAY_PRIVATE_KEY', 'ALIPAY_PRIVATE_KEY_FILE', 'ALIPAY_GATEWAY']

/** Whether somebody set Alipay up by hand, for the real gateway or another sandbox. */
export const isAlipaySetUp = (environment: Environment): boolean => NAMED.some((name) => environment[name]?.trim())

/** Undefined when Alipay is not set up. @throws SettingError naming the first setting that is wrong or missing */
export function readAlipaySettings(config: Config): AlipaySettings | undefined {
  const { environment } = config
  const urls = {
    notifyUrl: `${config.publicUrl}/api/payments/alipay/notify`,
    returnUrl: `${config.publicUrl}/pay/success`,
  }
  if (isAlipaySetUp(environment)) return { ...fromEnvironment(config), ...urls }
  if (!config.sandbox.enabled || !existsSync(sandboxKeyFile(config, 'alipay_public_key'))) return undefined
  const read = (name: Parameters<typeof sandboxKeyFile>[1]) => readFileSync(sandboxKeyFile(config, name), 'utf8')
  return {
    gateway: `http://${config.host}:${config.sandbox.port}/gateway.do`,
    ...SANDBOX_MERCHANT,
    privateKey: readPrivateKey(read('app_private_key')),
    alipayPublicKey: readPublicKey(read('alipay_public_key')),
    ...urls,
  }
}

function fromEnvironment({ environment }: Config): Omit<AlipaySettings, 'notifyUrl' | 'returnUrl'> {
  const digits = (name: string, example: string) => {
    const value = environment[name]?.trim()
    if (!value) throw new SettingError(name, 'is missing', example)
    if (!/^\d{16}$/.test(value)) throw new SettingError(name, `"${value}" is not 16 digits`, example)
    return value
  }
  const key = <Key>(name: string, read: (text: string) => Key) => {
    const text = textOrFile(environment, name)
    const example = `./keys/${name.toLowerCase()}.pem (as ${name}_FILE)`
    if (text === undefined) throw new SettingError(name, 'is missing', example)
    try {
      return read(text)
    } catch (error) {
      if (error instanceof KeyError) throw new SettingError(name, error.message.replace(/\.$/, ''), example)
      throw error
    }
  }
  return {
    gateway: address(environment, 'ALIPAY_GATEWAY', PRODUCTION_GATEWAY),
    appId: digits('ALIPAY_APP_ID', '2021000120612450'),
    sellerId: digits('ALIPAY_SELLER_ID', '2088621959339670'),
    privateKey: key('ALIPAY_PRIVATE_KEY', readPrivateKey),
    alipayPublicKey: key('ALIPAY_PUBLIC_KEY', readPublicKey),
  }
}
