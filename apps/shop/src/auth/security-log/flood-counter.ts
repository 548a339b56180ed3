/**
 * Lets the first few events of a kind pass each minute, and counts the rest, so that a flood becomes one line with a
 * number.
 */

const WINDOW_MS = 60_000
/** Events of one kind from one address that pass each minute. */
const EACH = 5
/** Events that pass each minute in total; beyond that, those of one kind are counted together for all addresses. */
const ALL = 600
const MAX_KINDS = 5000

export interface Flood<What> {
  readonly kind: string
  readonly from: string
  /** In milliseconds. */
  readonly at: number
  readonly what: What
}

interface Counted<What> {
  readonly since: number
  passed: number
  heldBack: number
  last: What
}

/** @param tell receives the number of counted events of one kind */
export function createFloodCounter<What>(tell: (last: What, times: number) => void) {
  const counted = new Map<string, Counted<What>>()
  let minute = { since: Number.NEGATIVE_INFINITY, passed: 0 }

  const end = (key: string, { heldBack, last }: Counted<What>) => {
    counted.delete(key)
    if (heldBack > 0) tell(last, heldBack)
  }

  return {
    /** Whether this event passes; otherwise it is counted. */
    admit({ kind, from, at, what }: Flood<What>): boolean {
      if (at - minute.since >= WINDOW_MS) minute = { since: at, passed: 0 }
      const isFull = minute.passed >= ALL || counted.size >= MAX_KINDS
      const own = `${kind} ${from}`
      const key = isFull && !counted.has(own) ? kind : own
      const before = counted.get(key)
      if (before && at - before.since >= WINDOW_MS) end(key, before)
      const entry = counted.get(key) ?? { since: at, passed: 0, heldBack: 0, last: what }
      counted.set(key, entry)
      entry.last = what
      if (entry.passed < EACH && !isFull) {
        entry.passed += 1
        minute.passed += 1
        return true
      }
      entry.heldBack += 1
      return false
    },

    /** Reports the counts of windows that are over. */
    flush(at: number): void {
      for (const [key, entry] of counted) if (at - entry.since >= WINDOW_MS) end(key, entry)
    },
  }
}
