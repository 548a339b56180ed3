/** How WeChat sends notifications: encrypted, signed afresh for each attempt, on WeChat's own schedule. */
import type { Faults } from '../../core/faults/faults.ts'
import { TAMPERS } from '../../core/faults/tamper.ts'
import { toFen } from '../../core/money.ts'
import type { Message, Protocol } from '../../core/notifications/notifications.ts'
import type { Delivery } from '../../core/notifications/store.ts'
import { HOUR, MINUTE, SECOND } from '../../core/time.ts'
import type { Signer, WechatCertificates } from '../certificates.ts'
import type { WechatMerchant, WechatMerchants } from '../merchants.ts'
import { encrypt, probeSignature, signedHeaders } from '../signing.ts'
import { type Json, moment } from './messages.ts'

/** WeChat Pay, "Payment notification: reply and retries". */
const GAPS = [
  ...[15 * SECOND, 15 * SECOND, 30 * SECOND, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE],
  ...[30 * MINUTE, HOUR, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR],
]
const STALE = 10 * MINUTE

/** Ways to tamper with a notification; unless the signature is the target, it stays valid. */
export const WECHAT_TAMPERS = [...TAMPERS, 'probe', 'stale', 'wrong-serial', 'wrong-body', 'wrong-key'] as const
export type WechatTamper = (typeof WECHAT_TAMPERS)[number]

export const wechatProtocol = (
  merchants: WechatMerchants,
  certificates: WechatCertificates,
  faults: Faults,
): Protocol<WechatTamper> => ({
  kind: 'wechat-deliver',
  message(delivery, _at, tamper) {
    const merchant = merchants.find(delivery.appId)
    if (!merchant) throw new Error(`merchant ${delivery.appId} is gone`)
    return messageOf(envelope(delivery, merchant, tamper), certificates.signer(merchant), tamper)
  },
  // Only the status counts.
  acknowledges: ({ status }) => status === 200 || status === 204,
  nextAttempt(attempts, last) {
    const gap = GAPS[attempts - 1]
    return gap === undefined ? undefined : last + gap
  },
  tamper({ appId, outTradeNo, attempts }) {
    const target = { appId, outTradeNo }
    // A probe is repeated with a right signature; other tampering continues while its fault is active.
    if (attempts === 0 && faults.strike(['sign-test'], target)) return 'probe'
    return TAMPERS.find((kind) => faults.strike([kind], target))
  },
})

async function messageOf(
  envelope: string,
  { key, serial }: Signer,
  tamper: WechatTamper | undefined,
): Promise<Message> {
  const right = Buffer.from(envelope)
  const signed = await signedHeaders(key, serial, Date.now() - (tamper === 'stale' ? STALE : 0), right)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Mozilla/4.0 (xuecheng-sandbox)',
    connection: 'keep-alive',
    ...signed,
    ...(tamper === 'corrupt-sign' && { 'Wechatpay-Signature': broken(signed['Wechatpay-Signature'] ?? '') }),
    ...(tamper === 'wrong-serial' && { 'Wechatpay-Serial': 'AB'.repeat(20) }),
    ...(tamper === 'probe' && { 'Wechatpay-Signature': probeSignature() }),
  }
  return { headers, body: tamper === 'wrong-body' ? Buffer.concat([right, Buffer.from(' ')]) : right }
}

const SUMMARIES: Readonly<Record<string, string>> = {
  'TRANSACTION.SUCCESS': '支付成功',
  'REFUND.SUCCESS': '退款成功',
  'REFUND.ABNORMAL': '退款异常',
  'REFUND.CLOSED': '退款关闭',
}

function envelope(delivery: Delivery, merchant: WechatMerchant, tamper: WechatTamper | undefined): string {
  const kind = delivery.event.startsWith('REFUND.') ? 'refund' : 'transaction'
  const said = JSON.parse(delivery.fields[0]?.[1] ?? '{}') as Json
  const key = tamper === 'wrong-key' ? merchant.apiV3Key.split('').reverse().join('') : merchant.apiV3Key
  return JSON.stringify({
    id: delivery.notifyId,
    create_time: moment(delivery.createdAt),
    resource_type: 'encrypt-resource',
    event_type: delivery.event,
    summary: SUMMARIES[delivery.event] ?? '',
    resource: { original_type: kind, ...encrypt(key, JSON.stringify(tampered(said, tamper)), kind) },
  })
}

/** Correctly encrypted and signed: only the content is wrong. */
function tampered(said: Json, tamper: WechatTamper | undefined): Json {
  if (tamper === 'wrong-app-id') return { ...said, appid: 'wxffffffffffffffff' }
  if (tamper === 'wrong-seller-id') return { ...said, mchid: '1999999999' }
  const amount = said['amount']
  if (tamper !== 'wrong-amount' || typeof amount !== 'object' || amount === null || !('total' in amount)) return said
  const total = toFen(Number(amount.total) + 1)
  return { ...said, amount: { ...amount, total, payer_total: total } }
}

const broken = (signature: string): string => `${signature.startsWith('AAAA') ? 'BBBB' : 'AAAA'}${signature.slice(4)}`
