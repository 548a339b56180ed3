/**
 * A gateway that takes requests and does not answer: after a few of them nobody waits for it any more, until one call, tried
 * every few seconds, is answered again. Whoever calls meanwhile is refused at once: nothing was sent, and nothing has changed.
 */
import { ShopError } from '../../errors.ts'
import { waitOutside } from '../../http/overload.ts'

/** A refusal that took longer than this was no refusal: nobody answered. */
const HUNG_MS = 4000
const HUNG_IN_A_ROW = 3
const TRY_EVERY_MS = 5000
/** Calls of one process that are out at the same time; more of them are a gateway that hangs, or soon will. */
const MOST_OUT = 64

/** @returns what makes each call; @throws ShopError GATEWAY_UNAVAILABLE as the call does, or at once instead of it */
export function givesUpOnHanging(
  now: () => number = () => performance.now(),
): <Answer>(call: () => Promise<Answer>) => Promise<Answer> {
  let out = 0
  let hung = 0
  let tryAt = 0

  return async (call) => {
    const started = now()
    if (out >= MOST_OUT || (hung >= HUNG_IN_A_ROW && started < tryAt)) {
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
