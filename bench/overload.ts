/**
 * Three times the load it can carry: `npm run bench -- overload [--seconds 20]`. First measures the capacity with
 * clients that wait for their answers, then offers three times as much without waiting, then half of it: which share is
 * accepted, which is shed, how long each takes, and when the shop has recovered.
 */

import { get, newBuyers, notificationOf, openHarness, placing, unpaidOrders } from './harness.ts'
import { drive, type Request } from './load.ts'
import { type Answered, type Coming, offer } from './open-load.ts'

const TIMES = 3
const P99_MS = 1000
/** The composition of a hundred requests. */
const MIXTURE = { 'course list': 30, 'course page': 40, 'own orders': 10, order: 14, notification: 6 } as const
type Kind = keyof typeof MIXTURE
const KINDS = Object.keys(MIXTURE) as Kind[]
/** The share of these that is accepted must not be smaller than that of browsing. */
const PAYMENTS: readonly string[] = ['order', 'notification'] satisfies Kind[]

const BUYERS = 1500
const NOTIFICATIONS = 1500
const WARM_UP = 3000
const RECOVERY_S = 15
const WINDOW_MS = 250

export interface OverloadResult {
  readonly carried: number
  readonly offered: number
  readonly kinds: Readonly<Record<string, Share>>
  /** Until everything is accepted quickly for a second; undefined if it never was. */
  readonly recoveredAfterMs: number | undefined
  readonly ok: boolean
}

interface Share {
  readonly offered: number
  readonly accepted: number
  readonly shed: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  /** Of the shed ones: how long their refusal took. */
  readonly shedP99: number
}

export async function benchOverload(seconds: number, log: (line: string) => void): Promise<OverloadResult> {
  const { system, key, close } = await openHarness()
  try {
    const tokens = await newBuyers(system, BUYERS)
    const place = await placing(system, tokens)
    let pair = 0
    // Its buyers order the same again once every pair has been used.
    const order = () => place(pair++ % (BUYERS * 10))
    const first = Array.from({ length: NOTIFICATIONS }, order)
    await drive(system.shopUrl, first, { connections: 16, wanted: 201 })
    const signed = (await unpaidOrders(system)).map((unpaid, index) => notificationOf(unpaid, index, key))
    let notified = 0
    let sent = 0
    const make: Readonly<Record<Kind, () => Request>> = {
      'course list': () => get('/api/courses'),
      'course page': () => get(`/api/courses/${1 + (sent++ % 10)}`),
      'own orders': () => get('/api/orders', tokens[sent++ % tokens.length]),
      order,
      notification: () => signed[notified++ % signed.length] ?? get('/none'),
    }
    const next = mixture(make)

    const warm = Array.from({ length: WARM_UP }, () => next().request)
    await drive(system.shopUrl, warm.slice(0, WARM_UP / 3), { connections: 32, wanted: 200 })
    const { perSecond, wrong, p99 } = await drive(system.shopUrl, warm.slice(WARM_UP / 3), {
      connections: 32,
      wanted: 200,
    })
    const made = wrong.filter((line) => line.startsWith('201')).length
    const carried = perSecond * (1 + made / Math.max(1, (WARM_UP * 2) / 3 - wrong.length))
    log(`carried: ${Math.round(carried)}/s of the mixture, p99 ${p99.toFixed(0)} ms`)

    const offered = carried * TIMES
    const all = await offer(system.shopUrl, next, { perSecond: offered, seconds })
    const ended = performance.now()
    const kinds = Object.fromEntries(KINDS.map((kind) => [kind, shareOf(all.filter((one) => one.kind === kind))]))
    log(`offered for ${seconds} s: ${Math.round(offered)}/s`)
    console.table(kinds)
    const recoveredAfterMs = await recovery(system.shopUrl, next, carried / 2, ended)
    log(recoveredAfterMs === undefined ? 'did not recover' : `recovered ${Math.round(recoveredAfterMs)} ms after`)
    return { carried, offered, kinds, recoveredAfterMs, ok: isFine(kinds) && recoveredAfterMs !== undefined }
  } finally {
    await close()
  }
}

/** Generates every kind as often as the mixture says, evenly interleaved. */
function mixture(make: Readonly<Record<Kind, () => Request>>): () => Coming {
  const owed = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>
  return () => {
    for (const kind of KINDS) owed[kind] += MIXTURE[kind]
    const kind = KINDS.reduce((most, each) => (owed[each] > owed[most] ? each : most))
    owed[kind] -= 100
    return { kind, request: make[kind]() }
  }
}

const isAccepted = ({ status }: Answered): boolean => status >= 200 && status < 500
const isShed = ({ status }: Answered): boolean => status === 503

function shareOf(all: readonly Answered[]): Share {
  const accepted = all.filter(isAccepted)
  const shed = all.filter(isShed)
  return {
    offered: all.length,
    accepted: accepted.length,
    shed: shed.length,
    failed: all.length - accepted.length - shed.length,
    p50: quantile(accepted, 0.5),
    p99: quantile(accepted, 0.99),
    shedP99: quantile(shed, 0.99),
  }
}

function quantile(all: readonly Answered[], share: number): number {
  const times = all.map(({ took }) => took).sort((left, right) => left - right)
  return Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
}

/** Offers half of the capacity: until four windows in a row are all accepted within a quarter of a second. */
async function recovery(
  origin: string,
  next: () => Coming,
  perSecond: number,
  since: number,
): Promise<number | undefined> {
  const started = performance.now()
  const all = await offer(origin, next, { perSecond, seconds: RECOVERY_S })
  const windows = Math.floor((RECOVERY_S * 1000) / WINDOW_MS)
  const well = Array.from({ length: windows }, (_, index) => {
    const these = all.filter(({ at }) => Math.floor(at / WINDOW_MS) === index)
    return these.every(isAccepted) && quantile(these, 0.99) < WINDOW_MS
  })
  const from = well.findIndex((_, index) => [0, 1, 2, 3].every((step) => well[index + step]))
  return from === -1 ? undefined : started - since + from * WINDOW_MS
}

function isFine(kinds: Readonly<Record<string, Share>>): boolean {
  const entries = Object.entries(kinds)
  const ratio = (payments: boolean) => {
    const these = entries.filter(([kind]) => PAYMENTS.includes(kind) === payments).map(([, share]) => share)
    const sum = (of: 'accepted' | 'offered') => these.reduce((total, share) => total + share[of], 0)
    return sum('accepted') / Math.max(1, sum('offered'))
  }
  return entries.every(([, { p99, failed }]) => p99 < P99_MS && failed === 0) && ratio(true) >= ratio(false)
}
