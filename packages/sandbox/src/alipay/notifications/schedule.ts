/** When a notification is retried (Alipay, Asynchronous notification, retries): eight attempts within 25 hours. */
import { HOUR, MINUTE } from '../../core/time.ts'

const GAPS = [4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR]

/** The time of the next attempt after `attempts` scheduled ones, the last at `last`; undefined after the eighth. */
export function nextAttempt(attempts: number, last: number): number | undefined {
  const gap = GAPS[attempts - 1]
  return gap === undefined ? undefined : last + gap
}

/** Whether an answer stops the retries: status 200 and exactly `success`; trailing white space is tolerated. */
export function acknowledges(status: number | undefined, body: Buffer): boolean {
  return status === 200 && body.toString('latin1').trimEnd() === 'success'
}
