/** Entries run in chronological order, whatever the order of adding, as time passes and when the clock is moved. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAgenda } from './agenda.ts'
import type { Clock } from './clock.ts'
import type { Entry } from './schedule.ts'

function handClock(): Clock {
  let at = 1_000_000
  return {
    now: () => at,
    offset: () => 0,
    set: (to) => {
      at = to
    },
    reset: () => undefined,
  }
}

test('moving the clock runs everything due in between, in order, each at its own time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 300 }), async (delays) => {
      const clock = handClock()
      const start = clock.now()
      const ran: { due: number; at: number }[] = []
      const agenda = createAgenda(clock, async ({ at }) => {
        ran.push({ due: at, at: clock.now() })
      })
      for (const [index, delay] of delays.entries())
        agenda.add({ at: start + delay, kind: 'deliver', id: String(index) })
      await agenda.advanceTo(start + 40)
      const due = delays.filter((delay) => delay <= 40).toSorted((a, b) => a - b)
      expect(ran).toEqual(due.map((delay) => ({ due: start + delay, at: start + delay })))
      expect(clock.now()).toBe(start + 40)
      await agenda.close()
    }),
    { numRuns: 60 },
  )
})

test('an entry added by another one during the move also runs during the move', async () => {
  const clock = handClock()
  const start = clock.now()
  const ran: number[] = []
  const agenda = createAgenda(clock, async (entry: Entry) => {
    ran.push(entry.at - start)
    if (ran.length < 5) agenda.add({ ...entry, at: entry.at + 100 })
  })
  agenda.add({ at: start + 100, kind: 'expire', id: 'x' })
  await agenda.advanceTo(start + 350)
  expect(ran).toEqual([100, 200, 300])
  await agenda.close()
})

test('a removed entry does not run, a replaced one runs once at its last time, and nothing remains', async () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 30 }), delay: fc.option(fc.integer({ min: 1, max: 50 })) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
      const clock = handClock()
      const start = clock.now()
      const ran: string[] = []
      const agenda = createAgenda(clock, async ({ id }) => {
        ran.push(`${id} at ${clock.now() - start}`)
      })
      const wanted = new Map<number, number>()
      for (const { id, delay } of steps) {
        wanted.delete(id)
        if (delay === null) agenda.forget('expire', String(id))
        else {
          wanted.set(id, delay)
          agenda.add({ at: start + delay, kind: 'expire', id: String(id) })
        }
      }
      expect(agenda.size()).toBe(wanted.size)
      await agenda.advanceTo(start + 50)
      // Entries of the same time run in the order of adding.
      const inTime = [...wanted].toSorted(([, a], [, b]) => a - b)
      expect(ran).toEqual(inTime.map(([id, delay]) => `${id} at ${delay}`))
      expect(agenda.size()).toBe(0)
      await agenda.close()
    }),
    { numRuns: 200 },
  )
})
