/**
 * The rules against guessing passwords and codes, as pure functions. They slow down the guesser without locking out the
 * owner of the account.
 *
 * | counter | counts wrong attempts of | allows | then |
 * | --- | --- | --- | --- |
 * | device | a known device of this account, by account | 5 | a wait of 30 s, 1, 2, 5, 15 minutes |
 * | pair | other devices, by account and address | 5 | the same waits |
 * | account | other devices, by account, from any address | 9 in any hour, the last 2 for addresses with fewer than 5 | until the hour is over |
 * | address | other devices, by address, for any account | 200 at once, and 100 an hour | at most 36 s for each further one |
 * | session | a logged-in session that enters its password again | 5 | the waits |
 * | code-device, code-session, code-pair | codes, likewise | 5 | the waits |
 * | code-account | six-digit codes from other devices, by account | 9 in any hour, 30 in any day | until it is over |
 *
 * Only wrong attempts are counted. An attempt that is being checked holds a slot, so that a burst cannot exceed the
 * limits; if only such slots are in the way, an attempt waits its turn. A right password or code resets the counters of
 * its own device, pair or session; the others expire.
 */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

export type CounterKind =
  | 'device'
  | 'pair'
  | 'account'
  | 'address'
  | 'session'
  | 'code-device'
  | 'code-session'
  | 'code-pair'
  | 'code-account'

/** The state of one counter; times in milliseconds. */
export interface Counter {
  readonly failures: number
  readonly failedAt: readonly number[]
  readonly blockedUntil: number
  readonly reserved: Readonly<Record<string, number>>
  readonly forgetAt: number
}

export const EMPTY: Counter = { failures: 0, failedAt: [], blockedUntil: 0, reserved: {}, forgetAt: 0 }

export type Outcome = 'wrong' | 'right' | 'unchecked'

/** How long an attempt that is never settled, because its process ended, holds its slot. */
export const SLOT_MS = MINUTE

interface Rule {
  /** How long earlier failures block any attempt; 0 for not at all. */
  wait(counter: Counter, now: number, pairFailures: number): number
  /** How many attempts may be checked at once. */
  slots(counter: Counter, now: number, pairFailures: number): number
  fail(counter: Counter, now: number): Counter
  readonly resetBySuccess: boolean
}

const FREE = 5
export const WAITS = [30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE] as const

/** A few attempts at once, then growing waits. */
const steps = (memory: number): Rule => ({
  wait: ({ blockedUntil }, now) => Math.max(0, blockedUntil - now),
  slots: ({ failures }) => Math.max(1, FREE - failures),
  fail(counter, now) {
    const failures = counter.failures + 1
    const step = WAITS[Math.min(failures - FREE, WAITS.length - 1)]
    const blockedUntil = step === undefined ? 0 : now + step
    return { ...counter, failures, blockedUntil, forgetAt: Math.max(now, blockedUntil) + memory }
  },
  resetBySuccess: true,
})

interface Span {
  readonly most: number
  readonly ms: number
}

/** At most `most` failures in each span; the last `spare` are reserved for addresses that have failed less. */
function spans(all: readonly Span[], spare: number): Rule {
  const longest = Math.max(...all.map(({ ms }) => ms))
  const mostKept = Math.max(...all.map(({ most }) => most))
  const allowed = (most: number, pairFailures: number) => (pairFailures >= FREE ? most - spare : most)
  const within = ({ failedAt }: Counter, ms: number, now: number) => failedAt.filter((at) => at > now - ms)
  return {
    wait: (counter, now, pairFailures) =>
      Math.max(
        ...all.map(({ most, ms }) => {
          const recent = within(counter, ms, now)
          // Wait until enough failures have expired for one more attempt.
          const goes = recent[recent.length - allowed(most, pairFailures)]
          return goes === undefined ? 0 : goes + ms - now
        }),
      ),
    slots: (counter, now, pairFailures) =>
      Math.min(...all.map(({ most, ms }) => allowed(most, pairFailures) - within(counter, ms, now).length)),
    fail(counter, now) {
      const failedAt = [...within(counter, longest, now), now].sort((left, right) => left - right).slice(-mostKept)
      return { ...counter, failedAt, forgetAt: now + longest }
    },
    resetBySuccess: false,
  }
}

/** A token bucket: a burst, then one more attempt at a fixed interval. */
function bucket(burst: number, everyMs: number): Rule {
  const level = ({ failures, failedAt }: Counter, now: number) =>
    Math.max(0, failures - Math.max(0, now - (failedAt[0] ?? now)) / everyMs)
  return {
    wait: (counter, now) => Math.max(0, Math.ceil((level(counter, now) - (burst - 1)) * everyMs)),
    slots: (counter, now) => Math.floor(burst - level(counter, now)),
    fail: (counter, now) => {
      const failures = level(counter, now) + 1
      return { ...counter, failures, failedAt: [now], forgetAt: now + failures * everyMs }
    },
    resetBySuccess: false,
  }
}

const RULES: Readonly<Record<CounterKind, Rule>> = {
  device: steps(24 * HOUR),
  pair: steps(2 * HOUR),
  account: spans([{ most: 9, ms: HOUR }], 2),
  address: bucket(200, 36 * SECOND),
  session: steps(24 * HOUR),
  'code-device': steps(24 * HOUR),
  'code-session': steps(24 * HOUR),
  'code-pair': steps(2 * HOUR),
  'code-account': spans(
    [
      { most: 9, ms: HOUR },
      { most: 30, ms: 24 * HOUR },
    ],
    0,
  ),
}

/** The counters of one attempt, by kind. */
export type Counters = Readonly<Partial<Record<CounterKind, Counter>>>

export type Decision =
  | { readonly allowed: true; readonly counters: Counters }
  /** `busy`: only attempts that are being checked are in the way. */
  | { readonly allowed: false; readonly waitMs: number; readonly busy: boolean }

/** Starts an attempt, with a slot of each of its counters, or says how long to wait. */
export function decideTry(loaded: Counters, id: string, now: number): Decision {
  const counters = each(loaded, (_, counter) => remembered(counter, now))
  const pairFailures = counters.pair?.failures ?? 0
  const all = Object.entries(counters) as [CounterKind, Counter][]
  const waitMs = Math.max(0, ...all.map(([kind, counter]) => RULES[kind].wait(counter, now, pairFailures)))
  if (waitMs > 0) return { allowed: false, waitMs, busy: false }
  const full = all.some(
    ([kind, counter]) => Object.keys(counter.reserved).length >= RULES[kind].slots(counter, now, pairFailures),
  )
  if (full) return { allowed: false, waitMs: SECOND, busy: true }
  const until = now + SLOT_MS
  return {
    allowed: true,
    counters: each(counters, (_, counter) => ({
      ...counter,
      reserved: { ...counter.reserved, [id]: until },
      forgetAt: Math.max(counter.forgetAt, until),
    })),
  }
}

/** Releases the slots and counts a failure. */
export function decideSettle(loaded: Counters, id: string, outcome: Outcome, now: number): Counters {
  return each(loaded, (kind, counter) => {
    const { [id]: _, ...reserved } = remembered(counter, now).reserved
    const free = { ...remembered(counter, now), reserved }
    const rule = RULES[kind]
    if (outcome === 'wrong') return rule.fail(free, now)
    return outcome === 'right' && rule.resetBySuccess ? { ...EMPTY, reserved, forgetAt: now + SLOT_MS } : free
  })
}

/** The counter without expired failures and slots. */
function remembered(counter: Counter, now: number): Counter {
  if (counter.forgetAt <= now) return EMPTY
  const reserved = Object.fromEntries(Object.entries(counter.reserved).filter(([, until]) => until > now))
  return { ...counter, reserved }
}

const each = (counters: Counters, change: (kind: CounterKind, counter: Counter) => Counter): Counters =>
  Object.fromEntries(
    (Object.entries(counters) as [CounterKind, Counter][]).map(([kind, counter]) => [kind, change(kind, counter)]),
  )
