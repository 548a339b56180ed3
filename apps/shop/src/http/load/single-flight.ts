/** Shares concurrent calls: the load on a gateway does not grow with how often people press a button. */
import { waitOutside } from './overload.ts'

interface Run {
  readonly now: Promise<void>
  next: Promise<void> | undefined
}

/**
 * Runs `work` once at a time for each key. Callers that arrive during a run share the next one, so each gets a result
 * found after its call, and a thousand calls are two runs.
 */
export function singleFlight<Key>(work: (key: Key) => Promise<void>): (key: Key) => Promise<void> {
  const running = new Map<Key, Run>()

  const begin = (key: Key): Promise<void> => {
    const run: Run = { now: work(key), next: undefined }
    running.set(key, run)
    const end = () => {
      if (!run.next) running.delete(key)
    }
    run.now.then(end, end)
    return run.now
  }

  return (key) => {
    const run = running.get(key)
    if (!run) return begin(key)
    const again = () => begin(key)
    run.next ??= run.now.then(again, again)
    const { next } = run
    return waitOutside(() => next)
  }
}
