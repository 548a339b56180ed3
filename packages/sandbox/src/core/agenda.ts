/**
 * What is to happen on the sandbox's clock: notifications to send and trades to close. Runs entries as time passes;
 * when the clock is moved, runs everything due in between, in order of time.
 */
import type { Clock } from './clock.ts'
import { createSchedule, type Entry, type Schedule } from './schedule.ts'

export interface Agenda {
  /** Replaces an existing entry of the same kind and id. */
  add(entry: Entry): void
  /** Removes an entry that is no longer needed: a paid trade has no time-out. */
  forget(kind: Entry['kind'], id: string): void
  /** The number of pending entries. */
  size(): number
  start(): void
  /** Moves the clock forward; resolves when everything due until then has run. */
  advanceTo(at: number): Promise<void>
  /** Resolves once nothing is running (later entries stay). */
  settled(): Promise<void>
  clear(): void
  close(): Promise<void>
}

/** How many entries run at once: enough to keep a shop busy, few enough not to overload it. */
const WIDTH = 64
const LONGEST_TIMER = 60_000

export function createAgenda(clock: Clock, run: (entry: Entry) => Promise<void>): Agenda {
  const runner: Runner = { clock, run, schedule: createSchedule(), running: new Set(), timer: undefined, paused: 1 }
  const { schedule } = runner
  let advancing: Promise<void> = Promise.resolve()
  return {
    add(entry) {
      schedule.add(entry)
      if (schedule.first() === entry) wake(runner)
    },
    forget: schedule.remove,
    size: schedule.size,
    start: () => resume(runner),
    advanceTo(at) {
      runner.paused++
      advancing = advancing.then(() => move(runner, at)).finally(() => resume(runner))
      return advancing
    },
    settled: () => idle(runner),
    clear: () => clear(runner),
    close() {
      runner.paused++
      clear(runner)
      return idle(runner)
    },
  }
}

interface Runner {
  readonly clock: Clock
  readonly run: (entry: Entry) => Promise<void>
  readonly schedule: Schedule
  readonly running: Set<Promise<void>>
  timer: NodeJS.Timeout | undefined
  /** Time alone runs nothing while this is not 0: before the start, after the end, and while the clock is moved. */
  paused: number
}

function resume(runner: Runner): void {
  runner.paused--
  wake(runner)
}

/** Runs what is due, and sets a timer for the next entry. */
function wake(runner: Runner): void {
  const { clock, schedule, running } = runner
  if (runner.paused > 0) return
  clearTimeout(runner.timer)
  const now = clock.now()
  while (running.size < WIDTH) {
    const next = schedule.first()
    if (!next) return
    if (next.at > now) {
      runner.timer = setTimeout(wake, Math.min(next.at - now, LONGEST_TIMER), runner)
      return
    }
    launch(runner, next)
  }
}

function launch(runner: Runner, entry: Entry): void {
  const { kind, id } = entry
  runner.schedule.remove(kind, id)
  // Never at once: it may add and remove entries, and the caller is walking through them.
  const done = Promise.resolve(entry)
    .then(runner.run)
    .catch((error: unknown) => {
      process.stderr.write(`sandbox: ${kind} ${id} failed: ${error instanceof Error ? error.message : error}\n`)
    })
    .then(() => {
      runner.running.delete(done)
      wake(runner)
    })
  runner.running.add(done)
}

async function idle({ running }: Runner): Promise<void> {
  while (running.size > 0) await Promise.all(running)
}

async function move(runner: Runner, target: number): Promise<void> {
  const { clock, schedule, running } = runner
  await idle(runner)
  for (;;) {
    const due = schedule.first()?.at
    if (due === undefined || due > Math.max(target, clock.now())) break
    if (due > clock.now()) clock.set(due)
    for (let next = schedule.first(); next?.at === due && running.size < WIDTH; next = schedule.first()) {
      launch(runner, next)
    }
    await idle(runner)
  }
  if (target > clock.now()) clock.set(target)
}

function clear({ schedule, timer }: Runner): void {
  schedule.clear()
  clearTimeout(timer)
}
