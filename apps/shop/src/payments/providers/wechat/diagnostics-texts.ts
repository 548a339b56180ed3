/** The texts of the diagnostics of WeChat Pay's keys, in Chinese and English. */
import { said, type Words } from '../../../diagnostics.ts'

const CHECKS = {
  private_key: { 'zh-CN': '微信支付商户私钥', en: 'WeChat Pay merchant key' },
  gateway_key: { 'zh-CN': '微信支付公钥', en: "WeChat Pay's key" },
  gateway: { 'zh-CN': '微信支付网关', en: 'WeChat Pay gateway' },
  answers: { 'zh-CN': '微信支付应答验签', en: 'WeChat Pay answers' },
  notify_address: { 'zh-CN': '微信支付通知地址', en: 'WeChat Pay notify address' },
  app_id: { 'zh-CN': '微信支付 AppID', en: 'WeChat Pay AppID' },
  api_v3_key: { 'zh-CN': '微信支付 APIv3 密钥', en: 'WeChat Pay APIv3 key' },
} as const

const CODES = {
  PRIVATE_KEY_OK: said('{form}，RSA {bits} 位，公钥指纹 {print}。', '{form}, RSA {bits} bits, public half {print}.'),
  KEYS_SWAPPED: said(
    '商户私钥与微信支付公钥填反了。',
    "The merchant's private key and WeChat Pay's public key are swapped.",
    '互换这两项。',
    'Swap them.',
  ),
  PUBLIC_KEY_GIVEN: said(
    '这是公钥或证书，不是商户私钥。',
    "This is a public key or a certificate, not the merchant's private key.",
    '填 apiclient_key.pem 的内容，不是 apiclient_cert.pem。',
    'Enter the content of apiclient_key.pem, not apiclient_cert.pem.',
  ),
  TOO_SHORT: said(
    '密钥只有 {bits} 位；需要 RSA 2048 位密钥。',
    'It has {bits} bits; an RSA key of 2048 bits is needed.',
    '在商户平台重新申请证书。',
    'Apply for a new certificate in the console.',
  ),
  NOT_RSA: said(
    '这是 {algorithm} 密钥；需要 RSA 2048 位密钥。',
    'This is an {algorithm} key; an RSA key of 2048 bits is needed.',
    '使用商户平台给出的密钥文件。',
    'Use the key file from the console.',
  ),
  EMPTY: said('是空的。', 'It is empty.', '填写密钥的全部内容。', 'Enter the complete key.'),
  ENCRYPTED: said(
    '密钥被密码加密了。',
    'It is encrypted with a password.',
    '去掉密码：openssl pkey -in key.pem -out plain.pem',
    'Remove the password: openssl pkey -in key.pem -out plain.pem',
  ),
  UNREADABLE: said(
    '读不出密钥，可能被截断。',
    'The key cannot be read. It may be cut off.',
    '重新完整地复制。',
    'Copy the complete key again.',
  ),
  PRIVATE_KEY_GIVEN: said(
    '微信支付公钥的位置填了私钥。',
    "A private key is set where WeChat Pay's public key belongs.",
    '在商户平台的 API 安全页下载微信支付公钥。',
    "Download WeChat Pay's public key from the console's page on API security.",
  ),
  OWN_KEY_GIVEN: said(
    '微信支付公钥的位置填了商户自己的公钥或证书：请求能通过，但每个应答与通知都会被拒绝。',
    "The merchant's own public key or certificate is set where WeChat Pay's belongs: requests work, but every answer and notification will be refused.",
    '在商户平台的 API 安全页下载微信支付公钥（pub_key.pem）。',
    "Download WeChat Pay's public key (pub_key.pem) from the console's page on API security.",
  ),
  GATEWAY_KEY_OK: said('{id}（{form}），RSA {bits} 位，指纹 {print}。', '{id} ({form}), RSA {bits} bits, {print}.'),
  CERTIFICATES: said(
    '没有填公钥：下载平台证书并跟随其更换。',
    'Not set: platform certificates are downloaded, also when they rotate.',
  ),
  PUBLIC_KEY_NEEDED: said(
    '没有填微信支付公钥，而这个商户用公钥验签，没有平台证书。',
    'Not set, but WeChat Pay signs answers to this merchant with a public key: it has no platform certificates.',
    '从商户平台的 API 安全页下载公钥，设置 WECHATPAY_PUBLIC_KEY（或 _FILE）和 WECHATPAY_PUBLIC_KEY_ID。',
    "Download it from the console's page on API security; set WECHATPAY_PUBLIC_KEY (or _FILE) and WECHATPAY_PUBLIC_KEY_ID.",
  ),
  SETTING: said('{reason}', '{reason}'),
  GATEWAY_OK: said('{host} 接受商户 {mchId} 的签名。', '{host} accepts the signature of merchant {mchId}.'),
  SERIAL_UNKNOWN: said(
    '{host} 不认识证书序列号 {serial}。',
    '{host} does not know the certificate serial {serial}.',
    '到商户平台的 API 安全页核对序列号；它属于商户 API 证书，不是平台证书。',
    "Compare it in the console's page on API security; it is the merchant certificate's, not a platform certificate's.",
  ),
  SIGNATURE_REFUSED: said(
    '{host} 拒绝了签名：私钥与序列号 {serial} 的证书不是一对。',
    '{host} refuses the signature: the private key is not that of the certificate {serial}.',
    '使用申请该证书时生成的 apiclient_key.pem。',
    'Use the apiclient_key.pem that was made with that certificate.',
  ),
  CLOCK: said(
    '时钟与微信支付相差超过五分钟。',
    "The clock is more than five minutes off WeChat Pay's.",
    '打开网络对时（NTP）。',
    'Switch network time (NTP) on.',
  ),
  ANSWERS_OK: said('应答能用这里的公钥验签。', 'The answer is signed with the key configured here.'),
  APP_ID_UNCHECKED: said(
    '没有检查：{appId} 是否与商户绑定，只有下单时才知道。',
    'not checked: whether {appId} is bound to the merchant. Only an order tells.',
    '在后台试付一分钱（设置 → 试付）。',
    'Run a Trial payment in the back office (Settings).',
  ),
  API_V3_KEY_UNCHECKED: said(
    '没有检查：只有付款通知用它加密。',
    'not checked: only notifications of payments are sealed with it.',
    '在后台试付一分钱（设置 → 试付）。',
    'Run a Trial payment in the back office (Settings).',
  ),
  ANSWERS_REFUSED: said(
    '应答无法验签：{reason}',
    'The answer is not believed: {reason}',
    '核对微信支付公钥与公钥 ID 是否属于这个商户。',
    "Compare WeChat Pay's public key and its ID with the console's: they belong to this merchant.",
  ),
  REFUSED: said('{host} 拒绝了请求：{reason}', '{host} refuses the request: {reason}'),
  AWAY: said(
    '{host} 没有给出可用的应答（{reason}）。',
    '{host} gave no usable answer ({reason}).',
    '检查网络与防火墙，再试一次。',
    'Look at the network and the firewall, and try again.',
  ),
  NOTIFY_OK: said('{url} 能收到通知。', '{url} takes notifications.'),
  NOTIFY_UNREACHABLE: said(
    '{url} 无法访问：{reason}。',
    '{url} is not reachable: {reason}.',
    '启动商店，并把 PUBLIC_URL 设为微信支付能访问的地址。',
    'Start the shop, and set PUBLIC_URL to the address at which WeChat Pay can reach it.',
  ),
  NOTIFY_LOCAL: said(
    '{url} 只在本机或内网可用，微信支付访问不到，也会拒绝这样的通知地址。',
    '{url} is only reachable on this machine or in its own network: WeChat Pay cannot reach it, and refuses such an address.',
    '设置 PUBLIC_URL。',
    'Set PUBLIC_URL.',
  ),
  NOTIFY_INSECURE: said(
    '{url} 不是 https，微信支付会拒绝下单。',
    '{url} is not https: WeChat Pay refuses orders with it.',
    '为 PUBLIC_URL 配置 https。',
    'Serve PUBLIC_URL over https.',
  ),
  NOTIFY_OTHER: said(
    '{url} 的回答不是本店的：HTTP {status}',
    'What answers at {url} is not this shop: HTTP {status}',
    '检查反向代理与登录拦截。',
    'Look at the reverse proxy, and at what asks for a login.',
  ),
} as const

export type WechatCheck = keyof typeof CHECKS
export type WechatCode = keyof typeof CODES

export const WECHAT_DIAGNOSTIC_TEXTS: Words<WechatCheck, WechatCode> = { checks: CHECKS, codes: CODES }
