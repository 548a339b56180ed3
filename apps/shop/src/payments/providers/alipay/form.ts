/** Alipay as the pages show it, and its settings as a form. */
import { PRODUCTION_GATEWAY } from '@xuecheng/alipay'
import type { SettingsForm } from '../definition.ts'
import { SAFE_ADDRESS } from '../key-settings.ts'

export const ALIPAY_FORM: SettingsForm<'alipay'> = {
  name: 'alipay',
  display: {
    title: { 'zh-CN': '支付宝', en: 'Alipay' },
    hint: { 'zh-CN': '跳转到支付宝完成付款', en: 'Continue to Alipay to pay' },
    phoneHint: { 'zh-CN': '跳转到支付宝完成付款', en: 'Continue to Alipay to pay' },
    app: { 'zh-CN': '支付宝', en: 'Alipay' },
    mark: '支',
    colour: '#1677ff',
  },
  prefix: 'ALIPAY_',
  gateway: 'ALIPAY_GATEWAY',
  fields: [
    {
      name: 'ALIPAY_APP_ID',
      label: { 'zh-CN': '应用 APPID', en: 'Application ID (APPID)' },
      hint: {
        'zh-CN': '16 位数字，在开放平台控制台的应用详情里',
        en: '16 digits, on the application’s page in the console',
      },
      kind: 'text',
      pattern: /^\d{16}$/,
      example: '2021000120612450',
    },
    {
      name: 'ALIPAY_SELLER_ID',
      label: { 'zh-CN': '商户 PID', en: 'Merchant ID (PID)' },
      hint: { 'zh-CN': '2088 开头的 16 位数字', en: '16 digits starting with 2088' },
      kind: 'text',
      pattern: /^\d{16}$/,
      example: '2088621959339670',
    },
    {
      name: 'ALIPAY_GATEWAY',
      label: { 'zh-CN': '网关地址', en: 'Gateway' },
      hint: { 'zh-CN': '正式环境无需修改', en: 'Keep the default for the real gateway' },
      kind: 'text',
      optional: true,
      ...SAFE_ADDRESS,
      usual: PRODUCTION_GATEWAY,
    },
    {
      name: 'ALIPAY_PRIVATE_KEY',
      label: { 'zh-CN': '应用私钥', en: 'The application’s private key' },
      hint: { 'zh-CN': '密钥工具生成的私钥，PKCS#1 或 PKCS#8 都可以', en: 'From the key tool, PKCS#1 or PKCS#8' },
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
      alone: false,
      ofContract: true,
      usual: 'on',
    },
    {
      name: 'ALIPAY_FEE_RATE',
      label: { 'zh-CN': '签约费率', en: 'Fee by contract' },
      hint: { 'zh-CN': '如 0.6%；填写后对账会核对手续费', en: 'Such as 0.6%; reconciliation then checks the fees' },
      kind: 'text',
      optional: true,
      pattern: /^\d{1,2}(\.\d{1,2})?%$/,
      example: '0.6%',
      alone: false,
    },
  ],
}
