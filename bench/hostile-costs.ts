/** The worst cost of one request per route, in processor time of all processes, as a multiple of an empty request's. */
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { type Operation, type WorstRequest, worstOf } from '../tests/harness/fuzz/worst-requests.ts'
import { millisecondsOf } from './processor-time.ts'

/** The maximum cost of a route's worst request, in empty requests. */
export const MAX_ANONYMOUS = 300
export const MAX_LOGGED_IN = 800

/** Routes that do expensive work on purpose, with a queue or a job of their own. */
export const WORK: Readonly<Record<string, string>> = {
  'POST /api/users': "a password's hash",
  'POST /api/session': "a password's hash",
  'POST /api/me/password': "a password's hash",
  'POST /api/admin/profile/second-factor': "a password's hash",
  'POST /api/admin/profile/second-factor/recovery-codes': "a password's hash",
  'POST /api/admin/profile/second-factor/off': "a password's hash",
  'POST /api/session/proof': "a password's hash",
  'POST /api/first-run': "a password's hash",
  'POST /api/admin/staff': "a password's hash",
  'POST /api/admin/staff/{id}/password': "a password's hash",
  'POST /api/admin/buyers/{id}/password': "a password's hash",
  'POST /api/admin/imports': 'a file of five megabytes',
  'POST /api/admin/uploads': 'a video',
  'GET /api/admin/orders.csv': 'a file of every order, two at once',
  'POST /api/admin/dashboard/count': 'a job that counts two years',
  'POST /api/admin/reconciliations': 'a job that queries the gateway',
  'POST /api/admin/payment-settings/{provider}': 'keys are generated, and the gateway is queried',
}

export interface Cost {
  readonly operation: string
  readonly kind: string
  readonly by: string
  readonly status: number
  /** The number of empty requests with the same cost. */
  readonly times: number
}

export interface Costs {
  readonly emptyMs: number
  readonly all: readonly Cost[]
  /** Those above their limit. */
  readonly tooMuch: readonly Cost[]
}

export interface CostOptions {
  readonly origin: string
  /** The parent of all processes that are counted. */
  readonly parent: number
  readonly operations: readonly Operation[]
  /** Session tokens by role. */
  readonly senders: Readonly<Record<string, string | undefined>>
  /** How often each request is sent for one measurement. */
  readonly repeats: number
  readonly log: (line: string) => void
}

const SETTLE_S = 60

/** Waits, with a limit, until the shop is idle: PostgreSQL vacuums a freshly filled database first. */
async function settled(parent: number): Promise<void> {
  for (let second = 0; second < SETTLE_S; second += 1) {
    const before = millisecondsOf(parent)
    await pause(1000)
    if (millisecondsOf(parent) - before < 50) return
  }
}

export async function measureCosts({ origin, parent, operations, senders, repeats, log }: CostOptions): Promise<Costs> {
  const pool = new Pool(origin, { connections: 2, headersTimeout: 60_000 })
  const send = async ({ method, path, headers, body }: Omit<WorstRequest, 'operation' | 'kind'>) => {
    const answer = await pool
      .request({ method: method as 'GET', path, headers, body: body ?? null })
      .catch(() => undefined)
    await answer?.body.dump({ limit: 1_000_000 }).catch(() => {})
    return answer?.statusCode ?? 0
  }
  let variant = 0
  /** A repeated request is answered from the cache: vary a list's limit each time. */
  const asNew = (path: string) =>
    path.replace(/([?&]limit=)\d+/, (_, name: string) => `${name}${100 - (variant++ % 50)}`)
  const costOf = async (request: Omit<WorstRequest, 'operation' | 'kind'>, count: number) => {
    const before = millisecondsOf(parent)
    let status = 0
    for (let sent = 0; sent < count; sent += 1) status = await send({ ...request, path: asNew(request.path) })
    return { status, ms: (millisecondsOf(parent) - before) / count }
  }
  const empty = { method: 'GET', path: '/healthz', headers: {}, body: undefined }
  await costOf(empty, 500)
  await settled(parent)
  // The minimum of several measurements, here and below: background work is included in each.
  let emptyMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round += 1) emptyMs = Math.min(emptyMs, (await costOf(empty, 300)).ms)
  log(`an empty request: ${emptyMs.toFixed(3)} ms of processor time`)

  const all: Cost[] = []
  for (const operation of operations) {
    if (operation.name in WORK || operation.name.endsWith('/events')) continue
    for (const [by, token] of Object.entries(senders)) {
      if (operation.name === 'DELETE /api/session' && token) continue
      const max = token ? MAX_LOGGED_IN : MAX_ANONYMOUS
      for (const request of worstOf(operation)) {
        const headers = token ? { authorization: `Bearer ${token}`, ...request.headers } : request.headers
        let { status, ms } = await costOf({ ...request, headers }, repeats)
        // Background work is included: measure again and take the minimum.
        for (let again = 0; again < 3 && ms > max * emptyMs; again += 1) {
          ms = Math.min(ms, (await costOf({ ...request, headers }, repeats)).ms)
        }
        all.push({ operation: request.operation, kind: request.kind, by, status, times: ms / emptyMs })
      }
    }
    const worst = all.filter(({ operation: name }) => name === operation.name).sort((a, b) => b.times - a.times)[0]
    if (worst) log(`${operation.name}: at most ${worst.times.toFixed(0)} (${worst.by}: ${worst.kind}, ${worst.status})`)
  }
  await pool.close()
  const tooMuch = all.filter(({ by, times }) => times > (by === 'anonymous' ? MAX_ANONYMOUS : MAX_LOGGED_IN))
  return { emptyMs, all, tooMuch }
}
