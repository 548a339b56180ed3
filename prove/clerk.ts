/** A member of staff who presses *refund* for whatever stands on the list of money that belongs to no order, on pages long out of date. */
import { randomUUID } from 'node:crypto'
import type { System } from '../tests/harness/system.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'

export interface Clerk {
  /** How often the shop took the order to pay back, and how often it found that there was no reason to. */
  readonly counts: { paidBack: number; refused: number }
  stop(): Promise<void>
}

/** Milliseconds between two presses, at the least and at the most. */
const PRESS_PAUSE = { least: 300, spread: 700 }

export function startClerk(system: System, random: Random): Clerk {
  const counts = { paidBack: 0, refused: 0 }
  let stopped = false
  const work = async () => {
    const staff = system.client()
    await persist(() => staff.login('admin', 'admin123456'))
    while (!stopped) {
      await pause(PRESS_PAUSE.least + random.below(PRESS_PAUSE.spread))
      const list = await patiently<{ items: { id: number }[] }>(staff, 'GET', '/api/admin/unmatched-payments')
      if (list.body.items.length === 0) continue
      const path = `/api/admin/unmatched-payments/${random.pick(list.body.items).id}/refund`
      const answer = await patiently(staff, 'POST', path, { note: 'proof' }, { 'idempotency-key': randomUUID() })
      counts[answer.status === 200 ? 'paidBack' : 'refused'] += 1
    }
  }
  const done = work()
  let stopping: Promise<void> | undefined
  const calm = async () => {
    stopped = true
    await done
  }
  return { counts, stop: () => (stopping ??= calm()) }
}
