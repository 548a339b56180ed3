/** WeChat Pay's settings as a form, and what makes a provider of them. */
import { WechatPayError } from '@xuecheng/wechatpay'
import { SettingError } from '../../../config.ts'
import type { Language } from '../../../errors.ts'
import type { SaidFinding, Verdict } from '../../../finding.ts'
import type { ProviderKind, SettingField } from '../kind.ts'
import { createWechatProvider, type WechatProvider } from './provider.ts'
import { addWechatRoutes } from './routes.ts'
import { isWechatSetUp, openClient, readWechatSettings } from './settings.ts'

const FIELDS: readonly SettingField[] = [
  {
    name: 'WECHATPAY_MCH_ID',
    label: { 'zh-CN': '商户号', en: 'Merchant number' },
    kind: 'text',
    pattern: /^\d{1,32}$/,
  },
  {
    name: 'WECHATPAY_APP_ID',
    label: { 'zh-CN': 'AppID', en: 'AppID' },
    hint: { 'zh-CN': '与商户号绑定的公众号或小程序', en: 'The account that is bound to the merchant' },
    kind: 'text',
    pattern: /^\w{1,32}$/,
  },
  {
    name: 'WECHATPAY_SERIAL_NO',
    label: { 'zh-CN': '商户证书序列号', en: 'Serial number of the merchant’s certificate' },
    kind: 'text',
    pattern: /^[0-9A-Fa-f]{8,64}$/,
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
    pattern: /^https?:\/\/[^\s?#]+$/,
    usual: 'https://api.mch.weixin.qq.com',
  },
]

/** What the network did, whatever the keys are. */
const AWAY = ['NOT_CONNECTED', 'CONNECTION_LOST', 'TIMED_OUT', 'ABORTED', 'TLS_REFUSED', 'HTTP_STATUS']

const found = (language: Language, verdict: Verdict, code: string, zh: string, en: string): SaidFinding => ({
  check: language === 'en' ? 'keys and gateway' : '密钥与网关',
  verdict,
  code,
  message: language === 'en' ? en : zh,
})

export const WECHAT: ProviderKind<WechatProvider> = {
  name: 'wechat',
  fields: FIELDS,
  isSetUp: isWechatSetUp,
  open(config, clock, log) {
    const settings = readWechatSettings(config)
    if (!settings) return undefined
    const { baseUrl, mchId, appId } = settings
    return { provider: createWechatProvider(settings, clock, log), merchant: `${baseUrl} ${mchId} ${appId}` }
  },
  /** Asks for a payment that nobody made: that there is none is the answer to keys that are good. */
  async examine(config, clock, language) {
    try {
      const settings = readWechatSettings(config)
      if (!settings) return []
      const client = openClient(settings, { clock, timeoutMs: 8000, retries: 0 })
      await client.query({ outTradeNo: `xuecheng_check_${clock().getTime()}` })
      const zh = '平台接受我们的签名，它的应答与这里填写的密钥相符。'
      return [found(language, 'ok', 'GATEWAY_OK', zh, 'It accepts our signature, and its answer fits the keys.')]
    } catch (error) {
      if (error instanceof SettingError) {
        return [found(language, 'problem', 'KEYS_UNFIT', `密钥不可用：${error.message}`, error.message)]
      }
      if (!(error instanceof WechatPayError)) throw error
      const why = `${error.code}: ${error.message.split('\n')[0] ?? ''}`.slice(0, 300)
      const away = AWAY.includes(error.code)
      const zh = `平台没有给出可信的回答：${why}`
      return [found(language, away ? 'unknown' : 'problem', error.code, zh, `No answer that can be believed: ${why}`)]
    }
  },
  addRoutes: addWechatRoutes,
}
