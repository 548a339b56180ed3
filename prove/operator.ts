/** A member of staff with outdated pages who presses *refund* for any entry on the list of unmatched payments. */
import { randomUUID } from 'node:crypto'
import type { System } from '../tests/harness/system.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'

export interface Operator {
  /** How often the shop accepted the refund, and how often it found no reason for one. */
  readonly counts: { paidBack: number; refused: number }
  stop(): Promise<void>
}

/** Milliseconds between two presses: a minimum and a random part. */
const PRESS_PAUSE = { min: 300, spread: 700 }

export function startOperator(system: System, random: Random): Operator {
  const counts = { paidBack: 0, refused: 0 }
  let stopped = false
  const work = async () => {
    const staff = system.client()
    await persist(() => staff.login('admin', 'admin123456'))
    while (!stopped) {
      await pause(PRESS_PAUSE.min + random.below(PRESS_PAUSE.spread))
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
