/**
 * A circuit breaker for a gateway that accepts requests and does not answer: after a few of them calls fail at once,
 * without being sent, until a trial call, made every few seconds, is answered again.
 */
import { ShopError } from '../../errors.ts'
import { waitOutside } from '../../http/load/overload.ts'

/** A failure that took longer than this was not a refusal: the gateway did not answer. */
const HUNG_MS = 4000
const HUNG_IN_A_ROW = 3
const TRY_EVERY_MS = 5000
/** Maximum concurrent calls of one process; more of them mean a gateway that hangs, or soon will. */
const MAX_OUT = 64

/**
 * @returns a wrapper for each call
 * @throws ShopError GATEWAY_UNAVAILABLE as the call does, or at once instead of the call
 */
export function withCircuitBreaker(
  now: () => number = () => performance.now(),
): <Answer>(call: () => Promise<Answer>) => Promise<Answer> {
  let out = 0
  let hung = 0
  let tryAt = 0

  return async (call) => {
    const started = now()
    if (out >= MAX_OUT || (hung >= HUNG_IN_A_ROW && started < tryAt)) {
      throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: TRY_EVERY_MS / 1000 })
    }
    if (hung >= HUNG_IN_A_ROW) tryAt = started + TRY_EVERY_MS
    out += 1
    try {
      const answer = await waitOutside(call)
      hung = 0
      return answer
    } catch (error) {
      if (now() - started < HUNG_MS) hung = 0
      else {
        hung += 1
        tryAt = now() + TRY_EVERY_MS
      }
      throw error
    } finally {
      out -= 1
    }
  }
}
