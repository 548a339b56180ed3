/** The base of both gateways: storage, the clock and its agenda, buyers, faults, and the pages that watch. */
import { type Agenda, createAgenda } from './agenda.ts'
import { type Buyers, openBuyers } from './buyers.ts'
import { type Clock, openClock } from './clock.ts'
import { type Faults, openFaults } from './faults/faults.ts'
import type { Entry } from './schedule.ts'
import { type Database, openDatabase } from './storage/database.ts'
import { openSettings, type Settings } from './storage/settings.ts'

export interface Core {
  readonly database: Database
  readonly settings: Settings
  readonly clock: Clock
  readonly agenda: Agenda
  readonly buyers: Buyers
  readonly faults: Faults
  /** Tells every watcher that something has changed. */
  readonly changed: () => void
  /** Calls `watcher` after every change until the returned function is called. */
  readonly watch: (watcher: () => void) => () => void
}

/** Opens the data folder; `run` does what is due. */
export function openCore(folder: string, run: (entry: Entry) => Promise<void>): Core {
  const database = openDatabase(folder)
  const settings = openSettings(database)
  const clock = openClock(settings)
  const watchers = new Set<() => void>()
  return {
    database,
    settings,
    clock,
    agenda: createAgenda(clock, run),
    buyers: openBuyers(database, clock),
    faults: openFaults(database, clock),
    changed() {
      for (const watcher of watchers) watcher()
    },
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
  }
}
