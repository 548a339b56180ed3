/**
 * Notifications that nobody has signed. They are kept as all are, for whoever looks for a mix-up of keys. But anybody can send
 * them, without end: a process keeps so many bytes of them, more by the minute, and counts what it refuses without keeping it.
 */
import { Counter } from 'prom-client'

/** More than a gateway sends in an hour to a shop that has the wrong key. */
const BURST_BYTES = 32 * 2 ** 20
const BYTES_A_MINUTE = 2 ** 20

export function createAllowance(now: () => number = () => performance.now()): (bytes: number) => boolean {
  let left = BURST_BYTES
  let at = now()
  return (bytes) => {
    left = Math.min(BURST_BYTES, left + ((now() - at) / 60_000) * BYTES_A_MINUTE)
    at = now()
    if (left < bytes) return false
    left -= bytes
    return true
  }
}

export const notKept = new Counter({
  name: 'xuecheng_notifications_not_kept_total',
  help: 'Notifications without a right signature that were refused and not kept, since so many came',
})

export const mayKeepUnsigned = createAllowance()
