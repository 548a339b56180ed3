/** Floods are summarised: no event is lost, and the first ones of a new kind still pass. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFloodCounter } from './flood-counter.ts'

const flood = (kind: string, from: string, at: number) => ({ kind, from, at, what: kind })

test('five of a kind from one address pass in a minute; the others are reported as a number', () => {
  const reported: [string, number][] = []
  const floods = createFloodCounter<string>((last, times) => reported.push([last, times]))
  const passed = Array.from({ length: 40 }, (_, at) => floods.admit(flood('login', '192.0.2.1', at))).filter(Boolean)
  expect(passed).toHaveLength(5)
  expect(floods.admit(flood('login', '192.0.2.2', 50))).toBe(true)
  expect(floods.admit(flood('other', '192.0.2.1', 50))).toBe(true)
  floods.flush(59_000)
  expect(reported).toEqual([])
  floods.flush(60_000)
  expect(reported).toEqual([['login', 35]])
  expect(floods.admit(flood('login', '192.0.2.1', 60_001))).toBe(true)
})

test('from any number of addresses, few pass in a minute, and each event passes or is counted', () => {
  const event = fc.record({ kind: fc.constantFrom('a', 'b'), from: fc.nat(3000).map(String), at: fc.nat(59_999) })
  fc.assert(
    fc.property(fc.array(event, { minLength: 700, maxLength: 3000 }), (events) => {
      let counted = 0
      const floods = createFloodCounter<string>((_, times) => {
        counted += times
      })
      const passed = events.filter((each) => floods.admit({ ...each, at: 0, what: '' })).length
      floods.flush(Number.POSITIVE_INFINITY)
      expect(passed).toBeLessThanOrEqual(600)
      expect(passed + counted).toBe(events.length)
    }),
    { numRuns: 30 },
  )
})
