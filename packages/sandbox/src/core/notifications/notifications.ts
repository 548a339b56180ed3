/**
 * Notifications to shops, the same for both gateways: written with the change that they report, sent when due, tried
 * again on the gateway's schedule, and hit by the faults that are set.
 */
import type { Core } from '../core.ts'
import type { Settings } from '../storage/settings.ts'
import { SECOND } from '../time.ts'
import type { Answer, Poster } from './post.ts'
import type { Attempt, Delivery, DeliveryStore } from './store.ts'

/** What differs between the gateways; `Tampering` names the ways to send a wrong notification. */
export interface Protocol<Tampering extends string> {
  readonly kind: 'deliver' | 'wechat-deliver'
  message(delivery: Delivery, at: number, tamper: Tampering | undefined): Promise<Message>
  acknowledges(answer: Answer): boolean
  /** The time of the next attempt after `attempts` scheduled ones, the last at `last`; undefined after the last. */
  nextAttempt(attempts: number, last: number): number | undefined
  /** How the faults that are set tamper with a scheduled attempt. */
  tamper(delivery: Delivery): Tampering | undefined
}

export interface Message {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface Notifications<Tampering extends string = string> {
  readonly core: Core
  readonly store: DeliveryStore
  readonly poster: Poster
  readonly protocol: Protocol<Tampering>
  /** By application: deliveries held until the next one has been sent. */
  readonly held: Map<string, number[]>
  /** Deliveries whose next attempt is being made early. */
  readonly forward: Set<number>
}

/** A delivery in the database and when it is due. */
export interface Written {
  readonly id: number
  readonly at: number
}

/** How long a held notification waits for the next one to overtake it, in seconds. */
const LONGEST_HOLD = 60

export function createNotifications<Tampering extends string>(
  core: Core,
  store: DeliveryStore,
  poster: Poster,
  protocol: Protocol<Tampering>,
): Notifications<Tampering> {
  return { core, store, poster, protocol, held: new Map(), forward: new Set() }
}

/** Whether notifications are sent at all: one switch for both gateways. */
export function sendsNotifications(settings: Settings): boolean {
  return settings.read('notifications') !== 'off'
}

/** If off, due deliveries are not sent but recorded as dropped. */
export function switchNotifications({ settings, changed }: Core, on: boolean): void {
  settings.write('notifications', on ? 'on' : 'off')
  changed()
}

/** Writes a delivery, inside the transaction of the change that it reports. */
export function write(
  { core, store, held }: Notifications,
  delivery: Omit<Delivery, 'id' | 'state' | 'attempts' | 'nextAt'>,
): Written {
  const delay = core.faults.strike(['delay'], delivery)
  const hold = delay ? undefined : core.faults.strike(['reorder'], delivery)
  const wait = delay ? (delay.options.seconds ?? 60) : hold ? (hold.options.seconds ?? LONGEST_HOLD) : 0
  const at = delivery.createdAt + wait * SECOND
  const id = store.insert({ ...delivery, state: 'pending', nextAt: at })
  if (hold) held.set(delivery.appId, [...(held.get(delivery.appId) ?? []), id])
  return { id, at }
}

/** Schedules a written delivery; call it after the transaction. */
export function schedule({ core, protocol }: Notifications, written: Written | undefined): void {
  if (written) core.agenda.add({ at: written.at, kind: protocol.kind, id: String(written.id) })
}

/** Sends a due delivery, and then those held for it to overtake them. */
export async function deliver(notifications: Notifications, id: number): Promise<void> {
  const { core, store } = notifications
  const delivery = store.find(id)
  if (delivery?.state !== 'pending' || (delivery.nextAt ?? 0) > core.clock.now()) return
  if (!sendsNotifications(core.settings)) {
    store.update(id, 'dropped', delivery.attempts, undefined)
    return core.changed()
  }
  await attempt(notifications, delivery, core.clock.now())
  await release(notifications, delivery)
}

/**
 * Makes the next scheduled attempt of a delivery now, dated as scheduled, without moving the sandbox's clock. Undefined
 * if no attempt is left.
 */
export async function bringForward(notifications: Notifications, id: number): Promise<Attempt | undefined> {
  const { core, store, protocol, forward } = notifications
  const delivery = store.find(id)
  const at = delivery?.state === 'pending' ? delivery.nextAt : undefined
  // A due delivery is already being sent.
  if (!delivery || at === undefined || at <= core.clock.now() || forward.has(id)) return undefined
  if (!sendsNotifications(core.settings)) return undefined
  forward.add(id)
  core.agenda.forget(protocol.kind, String(id))
  await attempt(notifications, delivery, at).finally(() => forward.delete(id))
  return store.attempts(id).at(-1)
}

/** Sends a delivery again now, whatever its state; optionally tampered with. */
export async function replay<T extends string>(
  notifications: Notifications<T>,
  delivery: Delivery,
  tamper?: T,
): Promise<Attempt> {
  const sent = await send(notifications, delivery, 'replay', notifications.core.clock.now(), tamper)
  if (!notifications.poster.closed()) keep(notifications, delivery, sent, false)
  return sent
}

async function attempt(notifications: Notifications, delivery: Delivery, at: number): Promise<void> {
  const { core, poster, protocol } = notifications
  if (core.faults.strike(['drop'], delivery)) return keep(notifications, delivery, lost(delivery, at), true)
  const tamper = protocol.tamper(delivery)
  const twice = core.faults.strike(['duplicate'], delivery) !== undefined
  const sent = await send(notifications, delivery, 'scheduled', at, tamper)
  // The sandbox is stopping, the shop did not fail: leave it pending, as kill -9 would.
  if (poster.closed()) return
  keep(notifications, delivery, sent, true)
  if (!twice) return
  const again = await send(notifications, delivery, 'duplicate', at, tamper)
  if (!poster.closed()) keep(notifications, delivery, again, false)
}

async function send(
  { core, poster, protocol }: Notifications,
  delivery: Delivery,
  kind: string,
  at: number,
  tamper: string | undefined,
): Promise<Attempt> {
  const { headers, body } = await protocol.message(delivery, at, tamper)
  await core.database.committed()
  const began = performance.now()
  const answer = await poster.post(delivery.url, headers, body)
  return {
    kind: tamper ? `${kind}, ${tamper}` : kind,
    at,
    requestHeaders: requestHead(delivery.url, headers, body.length),
    requestBody: body,
    answer,
    duration: Math.round(performance.now() - began),
    acknowledged: protocol.acknowledges(answer),
  }
}

/** An attempt that was lost in transit: the shop saw nothing of it. */
function lost({ url }: Delivery, at: number): Attempt {
  return {
    kind: 'scheduled, drop',
    at,
    requestHeaders: requestHead(url, {}, 0),
    requestBody: Buffer.alloc(0),
    answer: { status: undefined, headers: '', body: Buffer.alloc(0), error: 'lost on its way (fault: drop)' },
    duration: 0,
    acknowledged: false,
  }
}

function requestHead(url: string, headers: Readonly<Record<string, string>>, length: number): string {
  const lines = Object.entries({ ...headers, 'content-length': length }).map(([name, value]) => `${name}: ${value}`)
  return [`POST ${url}`, ...lines].join('\r\n')
}

/** Records an attempt and its consequences. Only `scheduled` attempts count towards the gateway's number of them. */
function keep(
  { core, store, protocol }: Notifications,
  delivery: Delivery,
  attempt: Attempt,
  scheduled: boolean,
): void {
  const made = delivery.attempts + 1
  const next = scheduled && !attempt.acknowledged ? protocol.nextAttempt(made, attempt.at) : undefined
  core.database.transaction(() => {
    store.addAttempt(delivery.id, attempt)
    if (attempt.acknowledged) store.acknowledge(delivery.id, scheduled ? made : undefined)
    else if (scheduled) store.update(delivery.id, next === undefined ? 'exhausted' : 'pending', made, next)
  })
  if (next !== undefined) core.agenda.add({ at: next, kind: protocol.kind, id: String(delivery.id) })
  core.changed()
}

/** Sends the notifications held for this one to overtake them. */
async function release(notifications: Notifications, overtaking: Delivery): Promise<void> {
  const { core, store, held } = notifications
  const waiting = held.get(overtaking.appId)?.filter((id) => id !== overtaking.id) ?? []
  held.delete(overtaking.appId)
  for (const id of waiting) {
    const delivery = store.find(id)
    if (delivery?.state === 'pending' && delivery.attempts === 0)
      await attempt(notifications, delivery, core.clock.now())
  }
}
