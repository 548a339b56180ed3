/** The texts of the key diagnostics, in Chinese and English. */
import { said, type Words } from '../../../diagnostics.ts'

const CHECKS = {
  private_key: { 'zh-CN': '支付宝应用私钥', en: 'Alipay application key' },
  gateway_key: { 'zh-CN': '支付宝公钥', en: "Alipay's key" },
  app_key: { 'zh-CN': '支付宝应用公钥', en: 'Alipay application public key' },
  gateway: { 'zh-CN': '支付宝网关', en: 'Alipay gateway' },
  answers: { 'zh-CN': '支付宝应答验签', en: 'Alipay answers' },
  clock: { 'zh-CN': '支付宝时钟', en: 'Alipay clock' },
  notify_address: { 'zh-CN': '支付宝通知地址', en: 'Alipay notify address' },
  seller_id: { 'zh-CN': '支付宝商户 PID', en: 'Alipay seller ID' },
} as const

/** Defects that copying causes in a key; it can be read all the same. */
const DEFECTS = {
  BARE_BASE64: said(
    '没有 PEM 首尾行，只有 base64。支付宝密钥工具导出的就是这种格式，可以直接使用。',
    "It has no PEM lines, only base64, as Alipay's key tool writes it. This works.",
  ),
  LOST_LINE_BREAKS: said(
    '换行丢失了。这里仍能读取，其他程序可能不接受。',
    'Line breaks were lost. It works here, but other programs may refuse it.',
  ),
  DOUBLED_LINE_BREAKS: said(
    '换行重复了。这里仍能读取，其他程序可能不接受。',
    'Line breaks are doubled. It works here, but other programs may refuse it.',
  ),
  WRITTEN_LINE_BREAKS: said(
    '换行写成了 \\n。这里仍能读取，其他程序可能不接受。',
    'Line breaks are written out as \\n. It works here, but other programs may refuse it.',
  ),
  STRAY_CHARACTERS: said(
    '中间有空格或引号。这里仍能读取，其他程序可能不接受。',
    'There are spaces or quotation marks inside it. It works here, but other programs may refuse it.',
  ),
  NO_END_LINE: said(
    '缺少 END 行，密钥可能被截断。这里仍能读取，其他程序可能不接受。',
    'The END line is missing; the key may be cut off. It works here, but other programs may refuse it.',
  ),
  WRONG_LABEL: said(
    '首行标注与内容不符（PKCS#1 与 PKCS#8 弄混）。这里仍能读取，其他程序可能不接受。',
    '{detail} It works here, but other programs may refuse it.',
  ),
} as const

const KEYS = {
  KEYS_SWAPPED: said(
    '私钥和公钥放反了：各自放在了对方的位置。',
    'The private key and the public key are swapped.',
    '请把两者对调。',
    'Exchange the two files or settings.',
  ),
  PUBLIC_FOR_PRIVATE: said(
    '这是公钥（{format}），不是应用私钥。',
    "This is a public key ({format}), not the application's private key.",
    '请填写密钥工具同时生成的那个私钥。',
    'Use the private key that the key tool created with it.',
  ),
  NOT_RSA: said(
    '这是 {algorithm} 密钥；需要 RSA 2048 位密钥。',
    'This is an {algorithm} key; an RSA key of 2048 bits is needed.',
    '请重新生成：xuecheng keys generate',
    'Create one with: xuecheng keys generate',
  ),
  TOO_SHORT: said(
    '密钥只有 {bits} 位，RSA2 需要 2048 位。',
    'It has {bits} bits; RSA2 needs 2048.',
    '请用 xuecheng keys generate 生成新的一对，并上传公钥。',
    'Create a new pair with xuecheng keys generate, and upload its public key.',
  ),
  PRIVATE_KEY_OK: said(
    '{form}，RSA {bits} 位，对应公钥指纹 {print}。',
    '{form}, RSA {bits} bits, public half {print}.',
  ),
  PRIVATE_FOR_GATEWAY: said(
    '应填支付宝公钥的位置放了一个私钥。',
    "A private key is set where Alipay's public key belongs.",
    '请到支付宝控制台复制“支付宝公钥”。',
    "Copy Alipay's public key (支付宝公钥) from the console.",
  ),
  OWN_FOR_GATEWAY: said(
    '把应用自己的公钥填成了支付宝公钥：请求能发出去，但所有应答和通知都会验签失败。',
    "The application's own public key was pasted where Alipay's belongs: requests work, but every answer and notification will be refused.",
    '在控制台上传应用公钥后，复制它显示的另一个公钥：“支付宝公钥”，不是“应用公钥”。',
    'In the console, upload your key, then copy the other one it shows: 支付宝公钥, not 应用公钥.',
  ),
  GATEWAY_KEY_OK: said(
    '公钥（{form}），RSA {bits} 位，指纹 {print}；不是应用自己的公钥。',
    "public key ({form}), RSA {bits} bits, {print}; it is not the application's own.",
  ),
  GATEWAY_CERT_OK: said(
    '证书，RSA {bits} 位，指纹 {print}；不是应用自己的公钥。',
    "certificate, RSA {bits} bits, {print}; it is not the application's own.",
  ),
  PRIVATE_FOR_APP: said(
    '公钥文件里放的是私钥。',
    'The file of the public key contains a private key.',
    '请重新生成：xuecheng keys generate',
    'Create a new pair with: xuecheng keys generate',
  ),
  PAIR_OK: said('{form}，与应用私钥是一对。', '{form}, the pair of the private key.'),
  PAIR_UNCHECKED: said('没有应用私钥，无法核对是否成对。', 'Without the private key it cannot be compared.'),
  NOT_THE_PAIR: said(
    '与应用私钥不是一对（{print} 与 {own}）：可能是另一个应用的，或更早的一对。',
    'It does not belong to the private key ({print} and {own}): it is the key of another application, or from an older pair.',
    '请上传正在使用的私钥对应的公钥，或改用已上传公钥对应的私钥。',
    'Upload the public half of the private key in use, or use the private key that belongs to the one uploaded.',
  ),
  ENCRYPTED: said(
    '密钥被密码加密了。',
    'It is encrypted with a password.',
    '请去掉密码：openssl pkey -in key.pem -out plain.pem',
    'Remove the password: openssl pkey -in key.pem -out plain.pem',
  ),
  EMPTY: said('是空的。', 'It is empty.', '请填写密钥的全部内容。', 'Enter the complete key.'),
  UNREADABLE: said(
    '不是 PEM 或 base64 格式的 RSA 密钥，可能被截断或丢了字符。',
    'This is not an RSA key in PEM or base64. It may be cut off, or characters may be missing.',
    '请重新完整复制一遍。',
    'Copy the complete key again.',
  ),
  CERTIFICATES_UNFIT: said(
    '证书不能一起使用：{detail}',
    'The certificates do not work together: {detail}',
    '请重新下载三个证书文件：应用公钥证书、支付宝公钥证书、支付宝根证书。',
    'Download the three files again: the application’s, Alipay’s and the root certificate.',
  ),
} as const

const GATEWAY = {
  GATEWAY_OK: said('{host} 接受应用 {appId} 的签名。', '{host} accepts our signature for application {appId}.'),
  ANSWERS_OK: said(
    '网关的应答与这里填写的支付宝公钥相符。',
    "The gateway's answer is signed with the key configured here as Alipay's.",
  ),
  UNKNOWN_APPLICATION: said(
    '{host} 没有应用 {appId}。',
    '{host} does not know the application {appId}.',
    '沙箱应用只能用沙箱网关，正式应用只能用正式网关：请核对应用号和网关地址（ALIPAY_APP_ID、ALIPAY_GATEWAY）。',
    'Sandbox applications belong to the sandbox gateway, real ones to the real gateway: check ALIPAY_APP_ID and ALIPAY_GATEWAY.',
  ),
  SANDBOX_APPLICATION: said(
    '{host} 没有应用 {appId}：这是沙箱应用，而这里是正式网关。',
    '{host} does not know the application {appId}: it is a sandbox application, and this is the real gateway.',
    '沙箱应用只能用沙箱网关，正式应用只能用正式网关：请核对应用号和网关地址（ALIPAY_APP_ID、ALIPAY_GATEWAY）。',
    'Sandbox applications belong to the sandbox gateway, real ones to the real gateway: check ALIPAY_APP_ID and ALIPAY_GATEWAY.',
  ),
  SIGNATURE_REFUSED: said(
    '{host} 拒绝了我们的签名：应用 {appId} 在控制台登记的公钥与这个私钥不是一对，可能属于另一个应用、沙箱，或更早的一对。',
    '{host} refuses our signature: the public key uploaded for application {appId} does not belong to this private key. It is the key of another application, of the sandbox, or from an older pair.',
    '请在控制台（接口加签方式）上传这个私钥对应的公钥，或改用已上传公钥对应的私钥。',
    'Upload the public half of this private key in the console (接口加签方式), or use the private key that belongs to the one uploaded.',
  ),
  REQUEST_REFUSED: said(
    '{host} 拒绝了请求：{subCode}：{subMessage}',
    '{host} refuses the request: {subCode}: {subMessage}',
    '请在控制台的错误码列表中查找这个代码。',
    'Look up the code in the console’s list of errors.',
  ),
  ANSWER_NOT_VERIFIED: said(
    '{host} 接受我们的签名，但它的应答与这里填写的支付宝公钥不符：这个公钥属于另一个应用或另一个环境（正式与沙箱不同）。',
    "{host} accepts our signature, but its answer is not signed with the key configured here as Alipay's: that key belongs to another application, or to the {other}.",
    '请复制这个应用的“支付宝公钥”。',
    "Copy Alipay's public key (支付宝公钥) for this application.",
  ),
  WRONG_PATH: said(
    '{host} 在 {path} 的应答是 {reason}；网关地址以 /gateway.do 结尾。',
    '{host} answers {reason} at {path}; the address ends in /gateway.do.',
    '请改正 ALIPAY_GATEWAY。',
    'Correct ALIPAY_GATEWAY.',
  ),
  NO_ANSWER: said(
    '{host} 没有给出可用的应答（{reason}）。',
    '{host} gave no usable answer ({reason}).',
    '请检查网关地址和网络后再试。',
    'Check the address and the network, then try again.',
  ),
  SELLER_UNCHECKED: said(
    '没有检查：{sellerId}。支付宝只在已付款的交易里给出收款账号。',
    'not checked: seller ID {sellerId}. Alipay only reports it with a payment.',
    '请在后台试付一分钱（设置 → 试付）。',
    'Run a Trial payment in the back office (Settings).',
  ),
  CLOCK_UNREAD: said(
    '无法读取网关的时钟。',
    "The gateway's clock could not be read.",
    '请人工核对本机时间。',
    'Check this machine’s clock by hand.',
  ),
  CLOCK_OK: said('与网关相差不到 {seconds} 秒。', "It agrees with the gateway's within {seconds} s."),
  CLOCK_AHEAD: said(
    '本机时钟比网关快 {minutes} 分钟。',
    "This machine's clock is {minutes} minutes ahead of the gateway's.",
    '请校准时间（timedatectl set-ntp true）。',
    'Correct the time (timedatectl set-ntp true).',
  ),
  CLOCK_BEHIND: said(
    '本机时钟比网关慢 {minutes} 分钟。',
    "This machine's clock is {minutes} minutes behind the gateway's.",
    '请校准时间（timedatectl set-ntp true）。',
    'Correct the time (timedatectl set-ntp true).',
  ),
} as const

const NOTIFY = {
  NOTIFY_UNREACHABLE: said(
    '{url} 无法访问：{reason}。',
    '{url} is not reachable: {reason}.',
    '请启动商店，并把 PUBLIC_URL 设为支付宝能访问的地址。',
    'Start the shop, and set PUBLIC_URL to the address at which Alipay can reach it.',
  ),
  NOTIFY_REDIRECT: said(
    '{url} 跳转到 {location}；支付宝不跟随跳转。',
    '{url} redirects to {location}; Alipay does not follow redirects.',
    '请把 PUBLIC_URL 设为直接应答的地址（https、正确的域名、末尾不加斜杠）。',
    'Set PUBLIC_URL to the address that answers directly (https, the right host, without a slash at the end).',
  ),
  NOTIFY_LOCAL: said(
    '{url} 应答正确，但只有本机或内网能访问：支付宝无法通知到这里，订单要靠返回页和后台任务主动查询入账。',
    '{url} answers correctly, but only on this machine or its network; Alipay cannot reach it. Orders will be settled by queries from the return page and the jobs.',
  ),
  NOTIFY_OK: said('{url} 应答正确。', '{url} answers correctly.'),
  NOTIFY_QUOTED: said(
    '{url} 应答了带引号的 "success"；支付宝只认这七个字母，会一直重发通知。',
    '{url} answers "success" in quotes; Alipay accepts only the seven letters, and will repeat every notification.',
    '请以 text/plain 应答，不要用 JSON。',
    'Answer text/plain, not JSON.',
  ),
  NOTIFY_BELIEVES: said(
    '{url} 对没有签名的消息也应答 success：任何人都能把订单标为已付款。',
    '{url} answers success to a message without a signature: anyone could mark orders paid.',
    '请先验签再应答。',
    'Verify before answering.',
  ),
  NOTIFY_LOGIN: said(
    '{url} 应答的是登录页：商店前面有东西要求密码。',
    '{url} answers with a login page: something in front of the shop requires a password.',
    '请让这个地址免登录通过。',
    'Allow this address without a login.',
  ),
  NOTIFY_OTHER: said(
    '{url} 应答 HTTP {status}，内容不是商店的：{text}',
    '{url} answers HTTP {status}, and not from the shop: {text}',
    '请检查 PUBLIC_URL 指向哪里。',
    'Check where PUBLIC_URL leads.',
  ),
} as const

export const ALIPAY_DIAGNOSTIC_TEXTS = {
  checks: CHECKS,
  codes: { ...DEFECTS, ...KEYS, ...GATEWAY, ...NOTIFY },
} satisfies Words

export type AlipayCheck = keyof typeof CHECKS
export type AlipayCode = keyof typeof ALIPAY_DIAGNOSTIC_TEXTS.codes
