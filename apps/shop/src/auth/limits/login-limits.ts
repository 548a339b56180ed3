/**
 * Limits on wrong passwords and codes (the rules are in `guess-rules.ts`), stored in the database so that all processes
 * share them. An attempt takes its slots in a short transaction, is checked outside of any, and is settled in another
 * one.
 */
import { randomUUID } from 'node:crypto'
import type { Database, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { lineOf } from '../../http/addresses/address-line.ts'
import { waitOutside } from '../../http/load/overload.ts'
import {
  type Counter,
  type CounterKind,
  type Counters,
  type Decision,
  decideSettle,
  decideTry,
  EMPTY,
  type Outcome,
} from './guess-rules.ts'

/** The counters of an attempt: the key of its row for each kind. */
export type LimitKeys = Readonly<Partial<Record<CounterKind, string>>>

/** The person or program that tries to log in. */
export interface Guesser {
  /** The account in the counters: the same for every spelling of its name. */
  readonly account: string
  readonly address: string
  /** The device's id, if it is a known device of this account. */
  readonly device: string | undefined
}

export function passwordLimits({ account, address, device }: Guesser): LimitKeys {
  const line = lineOf(address)
  return device === undefined
    ? { pair: `${account} ${line}`, account, address: line }
    : { device: `${account} ${device}` }
}

/** @param isShort whether the code has six digits and can be guessed, unlike a recovery or login code */
export function codeLimits({ account, address, device }: Guesser, isShort: boolean): LimitKeys {
  if (device !== undefined) return { 'code-device': `${account} ${device}` }
  return { 'code-pair': `${account} ${lineOf(address)}`, ...(isShort && { 'code-account': account }) }
}

/** How long an attempt waits for others of the same account that are being checked. */
const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 40
/** The maximum number of waiting attempts per account in a process; further ones are refused. */
const MAX_WAITING = 60

/**
 * Checks a password or a code within its limits.
 * @param check whether it is right; if it throws, the attempt does not count
 * @throws ShopError TOO_MANY_ATTEMPTS, with the seconds to wait
 */
export async function withinLimits(
  db: Database,
  keys: LimitKeys,
  now: Date,
  check: () => Promise<boolean>,
): Promise<boolean> {
  const id = randomUUID()
  const began = performance.now()
  const time = () => now.getTime() + performance.now() - began
  const begin = () => change(db, keys, (counters) => decideTry(counters, id, time()))
  let decision = await begin()
  if (!decision.allowed && decision.busy) decision = await inLane(laneOf(keys), time, begin)
  if (!decision.allowed) {
    throw new ShopError('TOO_MANY_ATTEMPTS', { retryAfterSeconds: Math.max(1, Math.ceil(decision.waitMs / 1000)) })
  }
  let outcome: Outcome = 'unchecked'
  try {
    outcome = (await check()) ? 'right' : 'wrong'
  } finally {
    await change(db, keys, (counters) => ({ allowed: true, counters: decideSettle(counters, id, outcome, time()) }))
  }
  return outcome === 'right'
}

const lanes = new Map<string, { waiting: number; last: Promise<unknown> }>()
const laneOf = (keys: LimitKeys): string => keys.account ?? keys['code-account'] ?? Object.values(keys)[0] ?? ''

/** The attempts for one account wait in one lane, and only the first of them checks for a free slot. */
async function inLane(name: string, time: () => number, begin: () => Promise<Decision>): Promise<Decision> {
  const lane = lanes.get(name) ?? { waiting: 0, last: Promise.resolve() }
  if (lane.waiting >= MAX_WAITING) return { allowed: false, waitMs: 2000, busy: true }
  const until = time() + PATIENCE_MS
  const turn = lane.last.then(async () => {
    for (;;) {
      const decision = await begin()
      if (decision.allowed || !decision.busy || time() > until) return decision
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS))
    }
  })
  lanes.set(name, { waiting: lane.waiting + 1, last: turn.catch(() => {}) })
  try {
    return await waitOutside(() => turn)
  } finally {
    const now = lanes.get(name)
    if (now && now.waiting <= 1) lanes.delete(name)
    else if (now) lanes.set(name, { ...now, waiting: now.waiting - 1 })
  }
}

/** Loads the counters with their rows locked, decides, and stores the result; a refusal stores nothing. */
const change = <Decided extends Decision>(
  db: Database,
  keys: LimitKeys,
  decide: (counters: Counters) => Decided,
): Promise<Decided> =>
  db.transaction().execute(async (tx) => {
    const decision = decide(await load(tx, keys))
    if (decision.allowed) await apply(tx, keys, decision.counters)
    return decision
  })

const rowKey = (kind: string, key: string): string => `${kind}:${key}`

async function load(tx: Transaction, keys: LimitKeys): Promise<Counters> {
  const kinds = Object.entries(keys) as [CounterKind, string][]
  // Sorted, so that concurrent attempts lock the rows in the same order.
  const rowKeys = kinds.map(([kind, key]) => rowKey(kind, key)).sort()
  const rows = await tx
    .insertInto('login_failures')
    .values(rowKeys.map((key) => ({ key, failures: 0, window_ends_at: new Date(0) })))
    // Changes nothing, but locks the row.
    .onConflict((conflict) => conflict.column('key').doUpdateSet((of) => ({ key: of.ref('excluded.key') })))
    .returningAll()
    .execute()
  const byKey = new Map(rows.map((row) => [row.key, row]))
  return Object.fromEntries(
    kinds.map(([kind, key]): [CounterKind, Counter] => {
      const row = byKey.get(rowKey(kind, key))
      if (!row) return [kind, EMPTY]
      return [
        kind,
        {
          failures: row.failures,
          failedAt: row.failed_at.map((at) => at.getTime()),
          blockedUntil: row.blocked_until?.getTime() ?? 0,
          reserved: row.reserved,
          forgetAt: row.window_ends_at.getTime(),
        },
      ]
    }),
  )
}

async function apply(tx: Transaction, keys: LimitKeys, counters: Counters): Promise<void> {
  for (const [kind, counter] of Object.entries(counters)) {
    await tx
      .updateTable('login_failures')
      .set({
        failures: counter.failures,
        failed_at: counter.failedAt.map((at) => new Date(at)),
        blocked_until: counter.blockedUntil > 0 ? new Date(counter.blockedUntil) : null,
        reserved: JSON.stringify(counter.reserved),
        window_ends_at: new Date(counter.forgetAt),
      })
      .where('key', '=', rowKey(kind, keys[kind as CounterKind] ?? ''))
      .execute()
  }
}

/** Deletes counters that have expired. */
export async function forgetFailures(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('login_failures').where('window_ends_at', '<', before).execute()
}
