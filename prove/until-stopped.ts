/** What goes on beside the buyers until it is stopped: kills, changes of merchants, staff. */

export interface Running {
  /** Resolves once it has ended; may be called again. */
  stop(): Promise<void>
}

/** Starts `work`, which asks `goesOn` before each step, and `afterwards` follows its end. */
export function untilStopped(
  work: (goesOn: () => boolean) => Promise<unknown>,
  afterwards: () => Promise<void> = async () => {},
): Running {
  let stopped = false
  const done = work(() => !stopped)
  let stopping: Promise<void> | undefined
  const end = async () => {
    stopped = true
    await done
    await afterwards()
  }
  return { stop: () => (stopping ??= end()) }
}
