/** The sandbox's clock: the machine's clock plus an offset. */
import type { Settings } from './storage/settings.ts'

export interface Clock {
  /** Milliseconds since 1970 on the sandbox's clock. */
  now(): number
  /** How far ahead of the machine's clock it is, in milliseconds. */
  offset(): number
  /** Moves it to an instant; the offset survives a restart. */
  set(at: number): void
  /** Back to the machine's time. */
  reset(): void
}

/** The latest date it can reach: a clock moved further would crash the sandbox, now and at every start. */
export const LAST_MOMENT = Date.UTC(2199, 11, 31)

export function openClock(settings: Settings): Clock {
  let offset = Number(settings.read('clock') ?? '0')
  return {
    now: () => Date.now() + offset,
    offset: () => offset,
    set(at) {
      offset = at - Date.now()
      settings.write('clock', String(offset))
    },
    reset() {
      offset = 0
      settings.write('clock', '0')
    },
  }
}
