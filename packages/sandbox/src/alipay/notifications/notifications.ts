/** Notifies shops: writes a delivery in the transaction of its change, sends it, and retries it by the schedule. */
import type { Agenda } from '../../core/agenda.ts'
import type { Buyers } from '../../core/buyers.ts'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import type { Faults } from '../../core/faults/faults.ts'
import { TAMPERS, type Tamper } from '../../core/faults/tamper.ts'
import type { Poster } from '../../core/notifications/post.ts'
import type { Attempt, Delivery, DeliveryStore } from '../../core/notifications/store.ts'
import type { Settings } from '../../core/settings.ts'
import { SECOND } from '../../core/time.ts'
import type { Merchants } from '../merchants.ts'
import { newNotifyId, type Trade } from '../trades/trade.ts'
import { fieldNamed, notificationBody, notificationFields, type RefundFacts } from './message.ts'
import { acknowledges, nextAttempt } from './schedule.ts'

export interface Notifications {
  /** Writes a delivery for a trade's change, inside that change's transaction. Undefined without a notify address. */
  write(trade: Trade, event: string, refund?: RefundFacts): Written | undefined
  /** Schedules a written delivery; call it after the transaction. */
  schedule(written: Written | undefined): void
  /** Sends a due delivery. */
  deliver(id: number): Promise<void>
  /**
   * Makes the next scheduled attempt of a delivery now, dated as scheduled, without moving the sandbox's clock.
   * Undefined if no attempt is left.
   */
  bringForward(id: number): Promise<Attempt | undefined>
  /** Sends a delivery again now, whatever its state; optionally tampered with. */
  replay(delivery: Delivery, tamper?: Tamper): Promise<Attempt>
  enabled(): boolean
  /** If off, due deliveries are not sent but recorded as dropped. */
  enable(on: boolean): void
  /** Forgets held notifications; at a reset. */
  forget(): void
}

/** A delivery in the database and when it is due. */
export interface Written {
  readonly id: number
  readonly at: number
}

export interface NotificationParts {
  readonly database: Database
  readonly store: DeliveryStore
  readonly merchants: Merchants
  readonly buyers: Buyers
  readonly clock: Clock
  readonly settings: Settings
  readonly poster: Poster
  readonly faults: Faults
  /** The agenda and these notifications need each other, so it is looked up when used. */
  readonly agenda: () => Agenda
  readonly changed: () => void
}

/** How long a held notification waits for the next one to overtake it, in seconds. */
const LONGEST_HOLD = 60

export function createNotifications(parts: NotificationParts): Notifications {
  const { store, merchants, buyers, clock, settings, poster, faults } = parts
  /** Deliveries held until the next one of the same application has been sent. */
  const held = new Map<string, number[]>()
  /** Deliveries whose next attempt is being made early. */
  const forward = new Set<number>()
  let on = settings.read('notifications') !== 'off'

  async function send(delivery: Delivery, kind: string, at: number, tamper: Tamper | undefined): Promise<Attempt> {
    const merchant = merchants.find(delivery.appId)
    if (!merchant) throw new Error(`merchant ${delivery.appId} is gone`)
    const requestBody = Buffer.from(await notificationBody(delivery.fields, merchant, at, tamper), 'latin1')
    const headers = {
      'content-type': `application/x-www-form-urlencoded;charset=${fieldNamed(delivery.fields, 'charset')}`,
      'user-agent': 'Mozilla/4.0 (xuecheng-sandbox)',
      connection: 'keep-alive',
    }
    await parts.database.committed()
    const began = performance.now()
    const answer = await poster.post(delivery.url, headers, requestBody)
    return {
      kind: tamper ? `${kind}, ${tamper}` : kind,
      at,
      requestHeaders: requestHead(delivery.url, headers, requestBody.length),
      requestBody,
      answer,
      duration: Math.round(performance.now() - began),
      acknowledged: acknowledges(answer.status, answer.body) && answer.error === '',
    }
  }

  /** An attempt that was lost in transit: the shop saw nothing of it. */
  function lost(delivery: Delivery, at: number): Attempt {
    return {
      kind: 'scheduled, drop',
      at,
      requestHeaders: requestHead(delivery.url, {}, 0),
      requestBody: Buffer.alloc(0),
      answer: { status: undefined, headers: '', body: Buffer.alloc(0), error: 'lost on its way (fault: drop)' },
      duration: 0,
      acknowledged: false,
    }
  }

  /** Records an attempt and its consequences. `scheduled` attempts count towards the eight. */
  function keep(delivery: Delivery, attempt: Attempt, scheduled: boolean): void {
    const made = delivery.attempts + 1
    const next = scheduled && !attempt.acknowledged ? nextAttempt(made, attempt.at) : undefined
    parts.database.transaction(() => {
      store.addAttempt(delivery.id, attempt)
      if (attempt.acknowledged) store.acknowledge(delivery.id, scheduled ? made : undefined)
      else if (scheduled) store.update(delivery.id, next === undefined ? 'exhausted' : 'pending', made, next)
    })
    if (next !== undefined) parts.agenda().add({ at: next, kind: 'deliver', id: String(delivery.id) })
    parts.changed()
  }

  /** Releases the notifications held for this one to overtake them. */
  async function release(overtaking: Delivery): Promise<void> {
    const waiting = held.get(overtaking.appId)?.filter((id) => id !== overtaking.id) ?? []
    held.delete(overtaking.appId)
    for (const id of waiting) {
      const delivery = store.find(id)
      if (delivery?.state === 'pending' && delivery.attempts === 0) await attempt(delivery)
    }
  }

  async function attempt(delivery: Delivery, at = clock.now()): Promise<void> {
    const target = { appId: delivery.appId, outTradeNo: delivery.outTradeNo }
    if (faults.strike(['drop'], target)) return keep(delivery, lost(delivery, at), true)
    const tamper = TAMPERS.find((kind) => faults.strike([kind], target))
    const twice = faults.strike(['duplicate'], target) !== undefined
    const sent = await send(delivery, 'scheduled', at, tamper)
    // The sandbox is stopping, the shop did not fail: leave it pending, as kill -9 would.
    if (poster.closed()) return
    keep(delivery, sent, true)
    if (!twice) return
    const again = await send(delivery, 'duplicate', at, tamper)
    if (!poster.closed()) keep(delivery, again, false)
  }

  return {
    write(trade, event, refund) {
      const buyer = buyers.find(trade.buyerId)
      const url = trade.request.notifyUrl
      if (!buyer || url === undefined) return undefined
      const now = clock.now()
      const notifyId = newNotifyId(now)
      const target = { appId: trade.appId, outTradeNo: trade.outTradeNo }
      const delay = faults.strike(['delay'], target)
      const hold = delay ? undefined : faults.strike(['reorder'], target)
      const wait = delay ? (delay.options.seconds ?? 60) : hold ? (hold.options.seconds ?? LONGEST_HOLD) : 0
      const id = store.insert({
        notifyId,
        appId: trade.appId,
        tradeNo: trade.tradeNo,
        outTradeNo: trade.outTradeNo,
        event,
        url,
        fields: notificationFields(trade, buyer, notifyId, refund),
        state: 'pending',
        nextAt: now + wait * SECOND,
        createdAt: now,
      })
      if (hold) held.set(trade.appId, [...(held.get(trade.appId) ?? []), id])
      return { id, at: now + wait * SECOND }
    },
    schedule(written) {
      if (written) parts.agenda().add({ at: written.at, kind: 'deliver', id: String(written.id) })
    },
    async deliver(id) {
      const delivery = store.find(id)
      if (delivery?.state !== 'pending' || (delivery.nextAt ?? 0) > clock.now()) return
      if (!on) {
        store.update(id, 'dropped', delivery.attempts, undefined)
        return parts.changed()
      }
      await attempt(delivery)
      await release(delivery)
    },
    async bringForward(id) {
      const delivery = store.find(id)
      const at = delivery?.state === 'pending' ? delivery.nextAt : undefined
      // A due delivery is already being sent.
      if (!delivery || at === undefined || at <= clock.now() || !on || forward.has(id)) return undefined
      forward.add(id)
      parts.agenda().forget('deliver', String(id))
      await attempt(delivery, at).finally(() => forward.delete(id))
      return store.attempts(id).at(-1)
    },
    async replay(delivery, tamper) {
      const sent = await send(delivery, 'replay', clock.now(), tamper)
      if (!poster.closed()) keep(delivery, sent, false)
      return sent
    },
    enabled: () => on,
    enable(value) {
      on = value
      settings.write('notifications', value ? 'on' : 'off')
      parts.changed()
    },
    forget: () => held.clear(),
  }
}

function requestHead(url: string, headers: Readonly<Record<string, string>>, length: number): string {
  const lines = Object.entries({ ...headers, 'content-length': String(length) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return [`POST ${url}`, ...lines].join('\r\n')
}
