/** WeChat Pay as the pages show it, and its settings as a form. */
import type { SettingsForm } from '../definition.ts'
import { SAFE_ADDRESS } from '../key-settings.ts'

export const WECHAT_FORM: SettingsForm<'wechat'> = {
  name: 'wechat',
  display: {
    title: { 'zh-CN': '微信支付', en: 'WeChat Pay' },
    hint: { 'zh-CN': '用微信扫码付款', en: 'Scan a code with WeChat' },
    phoneHint: { 'zh-CN': '前往微信完成付款', en: 'Continue to WeChat to pay' },
    app: { 'zh-CN': '微信', en: 'WeChat' },
    mark: '微',
    colour: '#07883f',
  },
  prefix: 'WECHATPAY_',
  gateway: 'WECHATPAY_BASE_URL',
  fields: [
    {
      name: 'WECHATPAY_MCH_ID',
      label: { 'zh-CN': '商户号', en: 'Merchant number' },
      kind: 'text',
      pattern: /^\d{1,32}$/,
      example: '1900000001',
    },
    {
      name: 'WECHATPAY_APP_ID',
      label: { 'zh-CN': 'AppID', en: 'AppID' },
      hint: {
        'zh-CN': '与商户号绑定的公众号或小程序',
        en: 'The official account or mini program linked to the merchant',
      },
      kind: 'text',
      pattern: /^\w{1,32}$/,
      example: 'wxd678efh567hg6787',
    },
    {
      name: 'WECHATPAY_SERIAL_NO',
      label: { 'zh-CN': '商户证书序列号', en: 'Serial number of the merchant’s certificate' },
      kind: 'text',
      pattern: /^[0-9A-Fa-f]{8,64}$/,
      example: '5157F09EFDC096DE15EBE81A47057A72',
    },
    {
      name: 'WECHATPAY_PRIVATE_KEY',
      label: { 'zh-CN': '商户私钥', en: 'The merchant’s private key' },
      hint: { 'zh-CN': 'apiclient_key.pem 的内容', en: 'What is in apiclient_key.pem' },
      kind: 'private key',
    },
    {
      name: 'WECHATPAY_API_V3_KEY',
      label: { 'zh-CN': 'APIv3 密钥', en: 'APIv3 key' },
      hint: { 'zh-CN': '32 个字符', en: '32 characters' },
      kind: 'secret',
      pattern: /^[\x21-\x7e]{32}$/,
    },
    {
      name: 'WECHATPAY_PUBLIC_KEY_ID',
      label: { 'zh-CN': '微信支付公钥 ID', en: 'ID of WeChat Pay’s public key' },
      hint: { 'zh-CN': '没有公钥的老商户可以不填', en: 'Merchants of the older kind have none' },
      kind: 'text',
      optional: true,
      pattern: /^PUB_KEY_ID_\w+$/,
      example: 'PUB_KEY_ID_0119000000012026',
    },
    {
      name: 'WECHATPAY_PUBLIC_KEY',
      label: { 'zh-CN': '微信支付公钥', en: 'WeChat Pay’s public key' },
      kind: 'public key',
      optional: true,
    },
    {
      name: 'WECHATPAY_BASE_URL',
      label: { 'zh-CN': '接口地址', en: 'Gateway' },
      hint: { 'zh-CN': '正式环境不用改', en: 'As it is for the real gateway' },
      kind: 'text',
      optional: true,
      ...SAFE_ADDRESS,
      usual: 'https://api.mch.weixin.qq.com',
    },
    {
      name: 'WECHATPAY_H5',
      label: { 'zh-CN': 'H5 支付', en: 'H5 payment' },
      hint: {
        'zh-CN': '没有开通 H5 支付的填 off，手机也显示二维码',
        en: 'Set to off without that contract; phones then show the code as well',
      },
      kind: 'text',
      optional: true,
      pattern: /^(on|off)$/,
      alone: false,
      usual: 'on',
    },
  ],
}
