/** The rules against guessing, over arbitrary attempts: how much a guesser gets, and that others are not locked out. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Counters, decideSettle, decideTry, EMPTY, SLOT_MS } from './guess-rules.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const START = Date.UTC(2026, 10, 23)

let id = 0
/** One attempt from start to end. @returns the decision, and the counters after it */
function attempt(counters: Counters, outcome: 'wrong' | 'right', now: number) {
  id += 1
  const decision = decideTry(counters, String(id), now)
  if (!decision.allowed) return { decision, counters }
  return { decision, counters: decideSettle(decision.counters, String(id), outcome, now) }
}

test('five at once, then the waits grow to a quarter of an hour, and a success resets them', () => {
  let counters: Counters = { device: EMPTY }
  let now = START
  for (let n = 0; n < 5; n += 1) counters = attempt(counters, 'wrong', now).counters
  for (const seconds of [30, 60, 120, 300, 900, 900]) {
    expect(attempt(counters, 'right', now).decision).toMatchObject({ allowed: false, waitMs: seconds * SECOND })
    now += seconds * SECOND
    counters = attempt(counters, 'wrong', now).counters
  }
  counters = attempt(counters, 'right', now + 15 * MINUTE).counters
  for (let n = 0; n < 5; n += 1) {
    const next = attempt(counters, 'wrong', now + 15 * MINUTE)
    expect(next.decision.allowed).toBe(true)
    counters = next.counters
  }
})

const DAY = 24 * HOUR
const times = fc.array(fc.nat(DAY), { minLength: 1, maxLength: 400 }).map((all) => all.sort((a, b) => a - b))

test('at any pace and from any addresses, fewer than ten passwords an hour are tried for one account', () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 50 }), (all, addresses) => {
      const pairs = new Map<number, Counters['pair']>()
      let account = EMPTY
      const tried: number[] = []
      all.forEach((time, index) => {
        const address = index % addresses
        const now = START + time
        const next = attempt({ pair: pairs.get(address) ?? EMPTY, account }, 'wrong', now)
        if (!next.decision.allowed) {
          // The announced wait is enough, and a moment less is not.
          const ends = now + next.decision.waitMs
          expect(attempt(next.counters, 'right', ends).decision.allowed).toBe(true)
          expect(attempt(next.counters, 'right', ends - 1).decision.allowed).toBe(false)
          return
        }
        tried.push(now)
        pairs.set(address, next.counters.pair)
        account = next.counters.account ?? EMPTY
      })
      for (const at of tried) expect(tried.filter((other) => other > at - HOUR && other <= at).length).toBeLessThan(10)
    }),
  )
})

test('one address leaves two tries of each hour to others', () => {
  fc.assert(
    fc.property(times, (all) => {
      let counters: Counters = { pair: EMPTY, account: EMPTY }
      for (const time of all) {
        counters = attempt(counters, 'wrong', START + time).counters
        const elsewhere: Counters = { pair: EMPTY, account: counters.account ?? EMPTY }
        expect(attempt(elsewhere, 'right', START + time).decision.allowed).toBe(true)
      }
    }),
  )
})

test('however many attempts start at once, no more are checked than may be wrong', () => {
  const events = fc.array(
    fc.record({ begin: fc.boolean(), pick: fc.nat(100), outcome: fc.constantFrom('wrong', 'right', 'unchecked') }),
    { maxLength: 200 },
  )
  fc.assert(
    fc.property(events, (all) => {
      let counters: Counters = { pair: EMPTY, account: EMPTY, address: EMPTY }
      const open: string[] = []
      let wrong = 0
      for (const { begin, pick, outcome } of all) {
        if (begin) {
          id += 1
          const decision = decideTry(counters, String(id), START)
          if (!decision.allowed) {
            // "Busy" is reported only while an attempt is being checked.
            if (decision.busy) expect(open.length).toBeGreaterThan(0)
            continue
          }
          counters = decision.counters
          open.push(String(id))
        } else {
          const [settled] = open.splice(pick % Math.max(1, open.length), 1)
          if (settled === undefined) continue
          counters = decideSettle(counters, settled, outcome, START)
          if (outcome === 'wrong') wrong += 1
        }
        expect(Object.keys(counters.pair?.reserved ?? {}).sort()).toEqual([...open].sort())
      }
      // All at the same moment: a success in between resets its own pair, and never the account.
      expect(wrong).toBeLessThanOrEqual(9)
    }),
  )
})

test('attempts in progress and refused attempts do not count as failures', () => {
  let counters: Counters = { pair: EMPTY, account: EMPTY }
  for (let n = 0; n < 300; n += 1) {
    const next = attempt(counters, 'right', START + n)
    expect(next.decision.allowed).toBe(true)
    counters = next.counters
  }
  for (let n = 0; n < 5; n += 1) counters = attempt(counters, 'wrong', START + 300).counters
  for (let n = 0; n < 300; n += 1) counters = attempt(counters, 'wrong', START + 301).counters
  expect(attempt(counters, 'right', START + 300 + 30 * SECOND).decision.allowed).toBe(true)
})

test('the slot of a process that ended is free again after a minute', () => {
  let counters: Counters = { device: EMPTY }
  for (let n = 0; n < 5; n += 1) {
    const decision = decideTry(counters, `lost ${n}`, START)
    if (decision.allowed) counters = decision.counters
  }
  expect(decideTry(counters, 'next', START + 1)).toMatchObject({ allowed: false, busy: true })
  expect(decideTry(counters, 'next', START + SLOT_MS)).toMatchObject({ allowed: true })
})

test('an address: two hundred wrong ones, then one in 36 seconds; successes cost nothing', () => {
  let counters: Counters = { address: EMPTY }
  for (let n = 0; n < 200; n += 1) {
    expect(attempt(counters, 'right', START).decision.allowed).toBe(true)
    counters = attempt(counters, 'wrong', START).counters
  }
  expect(attempt(counters, 'right', START).decision).toMatchObject({ allowed: false, waitMs: 36 * SECOND })
  let tried = 0
  for (let now = START; now < START + HOUR; now += SECOND) {
    const next = attempt(counters, 'wrong', now)
    if (next.decision.allowed) tried += 1
    counters = next.counters
  }
  expect(tried).toBeLessThanOrEqual(100)
})

test('codes of six digits: nine an hour and thirty a day', () => {
  let counters: Counters = { 'code-account': EMPTY }
  let tried = 0
  for (let now = START; now < START + DAY; now += MINUTE) {
    const next = attempt(counters, 'wrong', now)
    if (next.decision.allowed) tried += 1
    counters = next.counters
  }
  expect(tried).toBe(30)
})
