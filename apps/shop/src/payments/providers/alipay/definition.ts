/** Alipay's settings as a form, and the provider made from them. */
import { existsSync, readFileSync } from 'node:fs'
import { PRODUCTION_GATEWAY } from '@xuecheng/alipay'
import { UsageError } from '../../../command.ts'
import type { Config } from '../../../config.ts'
import { isReal, type ProviderDefinition, type SettingField } from '../definition.ts'
import { SAFE_ADDRESS } from '../key-settings.ts'
import { checkSettings } from './diagnostics.ts'
import { ALIPAY_TITLE } from './diagnostics-texts.ts'
import { isAlipaySetUp } from './is-set-up.ts'
import { type AlipayProvider, createAlipayProvider } from './provider.ts'
import { addAlipayRoutes } from './routes.ts'
import { registerAlipayMerchant } from './sandbox-merchant.ts'
import { readAlipaySettings, sandboxKeyFile } from './settings.ts'

const FIELDS: readonly SettingField[] = [
  {
    name: 'ALIPAY_APP_ID',
    label: { 'zh-CN': '应用 APPID', en: 'Application ID (APPID)' },
    hint: {
      'zh-CN': '16 位数字，在开放平台控制台的应用详情里',
      en: '16 digits, on the application’s page in the console',
    },
    kind: 'text',
    pattern: /^\d{16}$/,
  },
  {
    name: 'ALIPAY_SELLER_ID',
    label: { 'zh-CN': '商户 PID', en: 'Merchant ID (PID)' },
    hint: { 'zh-CN': '2088 开头的 16 位数字', en: '16 digits that begin with 2088' },
    kind: 'text',
    pattern: /^\d{16}$/,
  },
  {
    name: 'ALIPAY_GATEWAY',
    label: { 'zh-CN': '网关地址', en: 'Gateway' },
    hint: { 'zh-CN': '正式环境不用改', en: 'As it is for the real gateway' },
    kind: 'text',
    optional: true,
    ...SAFE_ADDRESS,
    usual: PRODUCTION_GATEWAY,
  },
  {
    name: 'ALIPAY_PRIVATE_KEY',
    label: { 'zh-CN': '应用私钥', en: 'The application’s private key' },
    hint: { 'zh-CN': '密钥工具生成的私钥，PKCS#1 或 PKCS#8 都可以', en: 'As the key tool made it, PKCS#1 or PKCS#8' },
    kind: 'private key',
  },
  {
    name: 'ALIPAY_PUBLIC_KEY',
    label: { 'zh-CN': '支付宝公钥', en: 'Alipay’s public key' },
    hint: { 'zh-CN': '在控制台复制“支付宝公钥”，不是“应用公钥”', en: '支付宝公钥 in the console, not 应用公钥' },
    kind: 'public key',
    group: 'public key',
  },
  {
    name: 'ALIPAY_APP_CERT',
    label: { 'zh-CN': '应用公钥证书', en: 'The application’s certificate' },
    hint: { 'zh-CN': 'appCertPublicKey_….crt', en: 'appCertPublicKey_….crt' },
    kind: 'public key',
    group: 'certificates',
  },
  {
    name: 'ALIPAY_ALIPAY_CERT',
    label: { 'zh-CN': '支付宝公钥证书', en: 'Alipay’s certificate' },
    hint: { 'zh-CN': 'alipayCertPublicKey_RSA2.crt', en: 'alipayCertPublicKey_RSA2.crt' },
    kind: 'public key',
    group: 'certificates',
  },
  {
    name: 'ALIPAY_ROOT_CERT',
    label: { 'zh-CN': '支付宝根证书', en: 'Alipay’s root certificate' },
    hint: { 'zh-CN': 'alipayRootCert.crt', en: 'alipayRootCert.crt' },
    kind: 'public key',
    group: 'certificates',
  },
  {
    name: 'ALIPAY_WAP',
    label: { 'zh-CN': '手机网站支付', en: 'Mobile website payment' },
    hint: {
      'zh-CN': '没有签约“手机网站支付”的填 off，手机也用电脑网站支付',
      en: 'off without that contract: phones then get the desktop page as well',
    },
    kind: 'text',
    optional: true,
    pattern: /^(on|off)$/,
    ofContract: true,
    usual: 'on',
  },
  {
    name: 'ALIPAY_FEE_RATE',
    label: { 'zh-CN': '签约费率', en: 'Fee by contract' },
    hint: { 'zh-CN': '如 0.6%；填写后对账会核对手续费', en: 'Such as 0.6%; reconciliation then judges the fees' },
    kind: 'text',
    optional: true,
    pattern: /^\d{1,2}(\.\d{1,2})?%$/,
  },
]

/** The file with the application's public key: only its owner has it, and it allows checking the key pair. */
const APP_PUBLIC_KEY = 'app-public-key'

function applicationKey(config: Config, named: string | undefined): string | undefined {
  const own = named ?? (isAlipaySetUp(config.environment) ? undefined : sandboxKeyFile(config, 'app_public_key'))
  const text = own && existsSync(own) ? readFileSync(own, 'utf8') : undefined
  if (named && text === undefined) throw new UsageError(`${named} cannot be read`)
  return text
}

export const ALIPAY: ProviderDefinition<AlipayProvider> = {
  name: 'alipay',
  display: {
    title: ALIPAY_TITLE,
    hint: { 'zh-CN': '跳转到支付宝完成付款', en: 'Continue to Alipay to pay' },
    phoneHint: { 'zh-CN': '跳转到支付宝完成付款', en: 'Continue to Alipay to pay' },
    app: { 'zh-CN': '支付宝', en: 'Alipay' },
    mark: '支',
    colour: '#1677ff',
  },
  prefix: 'ALIPAY_',
  fields: FIELDS,
  isSetUp: isAlipaySetUp,
  open(config, clock, log) {
    const settings = readAlipaySettings(config)
    if (!settings) return undefined
    const provider = createAlipayProvider(settings, clock, log)
    const { appId, gateway, sandbox } = settings
    return { provider, account: provider.merchant, holder: appId, sandbox, real: isReal(gateway, sandbox) }
  },
  check: (config, clock, language, files) =>
    checkSettings(config, applicationKey(config, files?.[APP_PUBLIC_KEY]), { now: clock, language }),
  checkFiles: [APP_PUBLIC_KEY],
  registerWithSandbox: registerAlipayMerchant,
  addRoutes: addAlipayRoutes,
}
