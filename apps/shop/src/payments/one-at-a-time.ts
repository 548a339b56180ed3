/** The same question of many at once: what a gateway is asked for does not grow with how often somebody presses. */
import { waitOutside } from '../http/overload.ts'

interface Run {
  readonly now: Promise<void>
  next: Promise<void> | undefined
}

/**
 * Runs `work` for each key once at a time. Whoever comes while it runs shares the next run with everybody else who came
 * meanwhile: each hears what was found out after they asked, and a thousand presses are two runs.
 */
export function oneAtATime<Key>(work: (key: Key) => Promise<void>): (key: Key) => Promise<void> {
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
