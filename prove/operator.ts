/** A member of staff with outdated pages who presses *refund* for any entry on the list of unmatched payments. */
import { randomUUID } from 'node:crypto'
import type { System } from '../tests/harness/system.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'
import { type Running, untilStopped } from './until-stopped.ts'

export interface Operator extends Running {
  /** How often the shop accepted the refund, and how often it found no reason for one. */
  readonly counts: { paidBack: number; refused: number }
}

/** Milliseconds between two presses: a minimum and a random part. */
const PRESS_PAUSE = { min: 300, spread: 700 }

export function startOperator(system: System, random: Random): Operator {
  const counts = { paidBack: 0, refused: 0 }
  const { stop } = untilStopped(async (goesOn) => {
    const staff = system.client()
    await persist(() => staff.login('admin', 'admin123456'))
    while (goesOn()) {
      await pause(PRESS_PAUSE.min + random.below(PRESS_PAUSE.spread))
      const list = await patiently<{ items: { id: number }[] }>(staff, 'GET', '/api/admin/unmatched-payments')
      if (list.body.items.length === 0) continue
      const path = `/api/admin/unmatched-payments/${random.pick(list.body.items).id}/refund`
      const answer = await patiently(staff, 'POST', path, { note: 'proof' }, { 'idempotency-key': randomUUID() })
      counts[answer.status === 200 ? 'paidBack' : 'refused'] += 1
    }
  })
  return { counts, stop }
}
