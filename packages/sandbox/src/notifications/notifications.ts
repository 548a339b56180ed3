/** Tells shops what happened: writes a delivery with the change it is about, sends it, and sends it again by the schedule. */
import type { Agenda } from '../agenda.ts'
import type { Buyers } from '../buyers.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database.ts'
import type { Merchants } from '../merchants.ts'
import type { Settings } from '../settings.ts'
import { newNotifyId, type Trade } from '../trades/trade.ts'
import { fieldNamed, notificationBody, notificationFields, type RefundFacts } from './message.ts'
import type { Poster } from './post.ts'
import { acknowledges, nextAttempt } from './schedule.ts'
import type { Attempt, Delivery, DeliveryStore } from './store.ts'

export interface Notifications {
  /** Writes a delivery for a trade's change; belongs inside that change's transaction. Undefined without a notify address. */
  write(trade: Trade, event: string, refund?: RefundFacts): number | undefined
  /** Puts a written delivery on the agenda; after the transaction. */
  schedule(id: number | undefined): void
  /** Sends a delivery that is due. */
  deliver(id: number): Promise<void>
  /** Sends a delivery once more, now, whatever its state. */
  replay(delivery: Delivery): Promise<Attempt>
  enabled(): boolean
  /** Off: what is due is not sent but recorded as dropped. */
  enable(on: boolean): void
}

export interface NotificationParts {
  readonly database: Database
  readonly store: DeliveryStore
  readonly merchants: Merchants
  readonly buyers: Buyers
  readonly clock: Clock
  readonly settings: Settings
  readonly poster: Poster
  /** The agenda needs these notifications and they need it, so it is asked for when used. */
  readonly agenda: () => Agenda
  readonly changed: () => void
}

export function createNotifications(parts: NotificationParts): Notifications {
  const { store, merchants, buyers, clock, settings, poster } = parts
  let on = settings.read('notifications') !== 'off'

  async function send(delivery: Delivery, kind: string): Promise<Attempt> {
    const merchant = merchants.find(delivery.appId)
    if (!merchant) throw new Error(`merchant ${delivery.appId} is gone`)
    const at = clock.now()
    const requestBody = Buffer.from(await notificationBody(delivery.fields, merchant, at), 'latin1')
    const headers = {
      'content-type': `application/x-www-form-urlencoded;charset=${fieldNamed(delivery.fields, 'charset')}`,
      'user-agent': 'Mozilla/4.0 (xuecheng-sandbox)',
      connection: 'keep-alive',
    }
    const began = performance.now()
    const answer = await poster.post(delivery.url, headers, requestBody)
    return {
      kind,
      at,
      requestHeaders: requestHead(delivery.url, headers, requestBody.length),
      requestBody,
      answer,
      duration: Math.round(performance.now() - began),
      acknowledged: acknowledges(answer.status, answer.body) && answer.error === '',
    }
  }

  return {
    write(trade, event, refund) {
      const buyer = buyers.find(trade.buyerId)
      const url = trade.request.notifyUrl
      if (!buyer || url === undefined) return undefined
      const now = clock.now()
      const notifyId = newNotifyId(now)
      return store.insert({
        notifyId,
        appId: trade.appId,
        tradeNo: trade.tradeNo,
        outTradeNo: trade.outTradeNo,
        event,
        url,
        fields: notificationFields(trade, buyer, notifyId, refund),
        state: 'pending',
        nextAt: now,
        createdAt: now,
      })
    },
    schedule(id) {
      if (id !== undefined) parts.agenda().add({ at: clock.now(), kind: 'deliver', id: String(id) })
    },
    async deliver(id) {
      const delivery = store.find(id)
      if (delivery?.state !== 'pending') return
      if (!on) {
        store.update(id, 'dropped', delivery.attempts, undefined)
        return parts.changed()
      }
      const attempt = await send(delivery, 'scheduled')
      // The sandbox stopping is not the shop failing: leave it pending, as kill -9 would.
      if (poster.closed()) return
      const made = delivery.attempts + 1
      const next = attempt.acknowledged ? undefined : nextAttempt(made, attempt.at)
      parts.database.transaction(() => {
        store.addAttempt(id, attempt)
        store.update(id, attempt.acknowledged ? 'delivered' : next === undefined ? 'exhausted' : 'pending', made, next)
      })
      if (next !== undefined) parts.agenda().add({ at: next, kind: 'deliver', id: String(id) })
      parts.changed()
    },
    async replay(delivery) {
      const attempt = await send(delivery, 'replay')
      if (poster.closed()) return attempt
      store.addAttempt(delivery.id, attempt)
      const now = store.find(delivery.id)
      if (attempt.acknowledged && now) store.update(delivery.id, 'delivered', now.attempts, undefined)
      parts.changed()
      return attempt
    },
    enabled: () => on,
    enable(value) {
      on = value
      settings.write('notifications', value ? 'on' : 'off')
      parts.changed()
    },
  }
}

function requestHead(url: string, headers: Readonly<Record<string, string>>, length: number): string {
  const lines = Object.entries({ ...headers, 'content-length': String(length) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return [`POST ${url}`, ...lines].join('\r\n')
}
