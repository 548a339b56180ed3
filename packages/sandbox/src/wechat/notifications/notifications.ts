/** WeChat's notifications to shops: encrypted, signed afresh for each attempt, on WeChat's own schedule. */
import { randomUUID } from 'node:crypto'
import type { Written } from '../../alipay/notifications/notifications.ts'
import type { Agenda } from '../../core/agenda.ts'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import type { Faults } from '../../core/faults/faults.ts'
import { TAMPERS } from '../../core/faults/tamper.ts'
import { toFen } from '../../core/money.ts'
import type { Poster } from '../../core/notifications/post.ts'
import type { Attempt, Delivery, DeliveryStore } from '../../core/notifications/store.ts'
import { HOUR, MINUTE, SECOND } from '../../core/time.ts'
import type { WechatCertificates } from '../certificates.ts'
import type { WechatMerchant, WechatMerchants } from '../merchants.ts'
import { encrypt, probeSignature, signedHeaders } from '../signing.ts'
import type { WechatRefund, WechatTrade } from '../trades/trades.ts'
import { type Json, moment, paymentNotice, refundNotice } from './messages.ts'

/** WeChat Pay, "Payment notification: reply and retries". */
const GAPS = [
  ...[15 * SECOND, 15 * SECOND, 30 * SECOND, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE],
  ...[30 * MINUTE, HOUR, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR],
]
const LONGEST_HOLD = 60
const STALE = 10 * MINUTE

/** Ways to tamper with a notification; unless the signature is the target, it stays valid. */
export const WECHAT_TAMPERS = [...TAMPERS, 'probe', 'stale', 'wrong-serial', 'wrong-body', 'wrong-key'] as const
export type WechatTamper = (typeof WECHAT_TAMPERS)[number]

export type WechatNotifications = ReturnType<typeof createWechatNotifications>

export interface WechatNotificationParts {
  readonly database: Database
  readonly store: DeliveryStore
  readonly merchants: WechatMerchants
  readonly certificates: WechatCertificates
  readonly clock: Clock
  readonly poster: Poster
  readonly faults: Faults
  /** Whether notifications are sent at all: one switch for both gateways. */
  readonly enabled: () => boolean
  readonly agenda: () => Agenda
  readonly changed: () => void
}

export function createWechatNotifications(parts: WechatNotificationParts) {
  const { store, merchants, certificates, clock, poster, faults } = parts
  const held = new Map<string, number[]>()
  const forward = new Set<number>()

  function write(trade: WechatTrade, event: string, url: string, said: Json): Written {
    const now = clock.now()
    const target = { appId: trade.mchId, outTradeNo: trade.outTradeNo }
    const delay = faults.strike(['delay'], target)
    const hold = delay ? undefined : faults.strike(['reorder'], target)
    const wait = delay ? (delay.options.seconds ?? 60) : hold ? (hold.options.seconds ?? LONGEST_HOLD) : 0
    const at = now + wait * SECOND
    const id = store.insert({
      notifyId: randomUUID(),
      appId: trade.mchId,
      tradeNo: trade.transactionId ?? '',
      outTradeNo: trade.outTradeNo,
      event,
      url,
      fields: [['content', JSON.stringify(said)]],
      state: 'pending',
      nextAt: at,
      createdAt: now,
    })
    if (hold) held.set(trade.mchId, [...(held.get(trade.mchId) ?? []), id])
    return { id, at }
  }

  async function send(
    delivery: Delivery,
    kind: string,
    at: number,
    tamper: WechatTamper | undefined,
  ): Promise<Attempt> {
    const merchant = merchants.find(delivery.appId)
    if (!merchant) throw new Error(`merchant ${delivery.appId} is gone`)
    const right = Buffer.from(envelope(delivery, merchant, tamper))
    const { serial, key } = certificates.signer(merchant)
    const signed = await signedHeaders(key, serial, Date.now() - (tamper === 'stale' ? STALE : 0), right)
    const body = tamper === 'wrong-body' ? Buffer.concat([right, Buffer.from(' ')]) : right
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Mozilla/4.0 (xuecheng-sandbox)',
      connection: 'keep-alive',
      ...signed,
      ...(tamper === 'corrupt-sign' && { 'Wechatpay-Signature': broken(signed['Wechatpay-Signature'] ?? '') }),
      ...(tamper === 'wrong-serial' && { 'Wechatpay-Serial': 'AB'.repeat(20) }),
      ...(tamper === 'probe' && { 'Wechatpay-Signature': probeSignature() }),
    }
    await parts.database.committed()
    const began = performance.now()
    const answer = await poster.post(delivery.url, headers, body)
    return {
      kind: tamper ? `${kind}, ${tamper}` : kind,
      at,
      requestHeaders: [
        `POST ${delivery.url}`,
        ...Object.entries(headers).map(([name, text]) => `${name}: ${text}`),
      ].join('\r\n'),
      requestBody: body,
      answer,
      duration: Math.round(performance.now() - began),
      // Only the status counts.
      acknowledged: answer.status === 200 || answer.status === 204,
    }
  }

  function keep(delivery: Delivery, attempt: Attempt, scheduled: boolean): void {
    const made = delivery.attempts + 1
    const gap = GAPS[made - 1]
    const next = scheduled && !attempt.acknowledged && gap !== undefined ? attempt.at + gap : undefined
    parts.database.transaction(() => {
      store.addAttempt(delivery.id, attempt)
      if (attempt.acknowledged) store.acknowledge(delivery.id, scheduled ? made : undefined)
      else if (scheduled) store.update(delivery.id, next === undefined ? 'exhausted' : 'pending', made, next)
    })
    if (next !== undefined) parts.agenda().add({ at: next, kind: 'wechat-deliver', id: String(delivery.id) })
    parts.changed()
  }

  async function attempt(delivery: Delivery, at = clock.now()): Promise<void> {
    const target = { appId: delivery.appId, outTradeNo: delivery.outTradeNo }
    if (faults.strike(['drop'], target)) return keep(delivery, lost(at, delivery.url), true)
    // A probe is repeated with a right signature; other tampering continues while its fault is active.
    const probe = delivery.attempts === 0 && faults.strike(['sign-test'], target) ? ('probe' as const) : undefined
    const tamper = probe ?? TAMPERS.find((kind) => faults.strike([kind], target))
    const twice = faults.strike(['duplicate'], target) !== undefined
    const sent = await send(delivery, 'scheduled', at, tamper)
    // The sandbox is stopping, the shop did not fail: leave it pending, as kill -9 would.
    if (poster.closed()) return
    keep(delivery, sent, true)
    if (!twice) return
    const again = await send(delivery, 'duplicate', at, tamper)
    if (!poster.closed()) keep(delivery, again, false)
  }

  async function release(overtaking: Delivery): Promise<void> {
    const waiting = held.get(overtaking.appId)?.filter((id) => id !== overtaking.id) ?? []
    held.delete(overtaking.appId)
    for (const id of waiting) {
      const delivery = store.find(id)
      if (delivery?.state === 'pending' && delivery.attempts === 0) await attempt(delivery)
    }
  }

  return {
    writePayment: (trade: WechatTrade): Written =>
      write(trade, 'TRANSACTION.SUCCESS', trade.notifyUrl, paymentNotice(trade)),
    /** Undefined if the refund has no notify address. */
    writeRefund: (trade: WechatTrade, refund: WechatRefund): Written | undefined =>
      refund.notifyUrl === undefined
        ? undefined
        : write(trade, `REFUND.${refund.status}`, refund.notifyUrl, refundNotice(refund, trade)),
    schedule(written: Written | undefined): void {
      if (written) parts.agenda().add({ at: written.at, kind: 'wechat-deliver', id: String(written.id) })
    },
    async deliver(id: number): Promise<void> {
      const delivery = store.find(id)
      if (delivery?.state !== 'pending' || (delivery.nextAt ?? 0) > clock.now()) return
      if (!parts.enabled()) {
        store.update(id, 'dropped', delivery.attempts, undefined)
        return parts.changed()
      }
      await attempt(delivery)
      await release(delivery)
    },
    /** As for Alipay: makes the next scheduled attempt now, without moving the clock. */
    async bringForward(id: number): Promise<Attempt | undefined> {
      const delivery = store.find(id)
      const at = delivery?.state === 'pending' ? delivery.nextAt : undefined
      // A due delivery is already being sent.
      if (!delivery || at === undefined || at <= clock.now() || !parts.enabled() || forward.has(id)) return undefined
      forward.add(id)
      parts.agenda().forget('wechat-deliver', String(id))
      await attempt(delivery, at).finally(() => forward.delete(id))
      return store.attempts(id).at(-1)
    },
    /** Sends a delivery again now, whatever its state; optionally tampered with. */
    async replay(delivery: Delivery, tamper?: WechatTamper): Promise<Attempt> {
      const sent = await send(delivery, 'replay', clock.now(), tamper)
      if (!poster.closed()) keep(delivery, sent, false)
      return sent
    },
    forget: () => held.clear(),
  }
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

const lost = (at: number, url: string): Attempt => ({
  kind: 'dropped',
  at,
  requestHeaders: `POST ${url}`,
  requestBody: Buffer.alloc(0),
  answer: { status: undefined, headers: '', body: Buffer.alloc(0), error: 'lost on its way (fault)' },
  duration: 0,
  acknowledged: false,
})
