/** The active faults: they survive a restart and apply in the order they were set. */
import { randomInt } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Database } from '../storage/database.ts'
import { type Fault, type FaultKind, type FaultOptions, type FaultScope, matches, type Target } from './fault.ts'

export interface FaultInput {
  readonly kind: FaultKind
  readonly scope: FaultScope
  readonly options: FaultOptions
  readonly times?: number
}

export interface Faults {
  list(): readonly Fault[]
  add(input: FaultInput): Fault
  /** Removes one; false if it does not exist. */
  remove(id: number): boolean
  removeAll(): void
  /** The first fault of these kinds that matches this target, counted as struck; undefined if none does. */
  strike(kinds: readonly FaultKind[], target: Target): Fault | undefined
  /** How often each kind has struck since the first start or reset. */
  strikes(): Partial<Record<FaultKind, number>>
  /** Reads them again; after a reset. */
  reload(): void
}

type Row = { id: number; kind: string; scope: string; options: string; remaining: number | null; created_at: number }

export function openFaults(database: Database, clock: Clock): Faults {
  const selectAll = database.prepare<Row>('select * from faults order by id')
  const insert = database.prepare(
    'insert into faults (kind, scope, options, remaining, created_at) values (?, ?, ?, ?, ?)',
  )
  const update = database.prepare('update faults set remaining = ? where id = ?')
  const remove = database.prepare('delete from faults where id = ?')
  const count = database.prepare(
    'insert into fault_strikes (kind, count) values (?, 1) on conflict (kind) do update set count = count + 1',
  )
  const counts = database.prepare<{ kind: string; count: number }>('select kind, count from fault_strikes')
  let faults = selectAll.all().map(fromRow)

  function use(fault: Fault): void {
    if (fault.remaining === undefined) return
    const remaining = fault.remaining - 1
    if (remaining > 0) update.run(remaining, fault.id)
    else remove.run(fault.id)
    faults = faults.flatMap((each) => (each.id !== fault.id ? [each] : remaining > 0 ? [{ ...each, remaining }] : []))
  }

  return {
    list: () => faults,
    add({ kind, scope, options, times }) {
      const createdAt = clock.now()
      const { lastId } = insert.run(kind, JSON.stringify(scope), JSON.stringify(options), times ?? null, createdAt)
      const fault = { id: lastId, kind, scope, options, remaining: times, createdAt }
      faults = [...faults, fault]
      return fault
    },
    remove(id) {
      faults = faults.filter((fault) => fault.id !== id)
      return remove.run(id).changes === 1
    },
    removeAll() {
      faults = []
      database.exec('delete from faults')
    },
    strike(kinds, target) {
      if (faults.length === 0) return undefined
      const fault = faults.find((each) => kinds.includes(each.kind) && matches(each, target) && happens(each))
      if (!fault) return undefined
      count.run(fault.kind)
      use(fault)
      return fault
    },
    strikes: () => Object.fromEntries(counts.all().map(({ kind, count: struck }) => [kind, struck])),
    reload() {
      faults = selectAll.all().map(fromRow)
    },
  }
}

function happens({ options }: Fault): boolean {
  return options.probability === undefined || randomInt(1_000_000) < options.probability * 1_000_000
}

function fromRow(row: Row): Fault {
  return {
    id: row.id,
    kind: row.kind as FaultKind,
    scope: JSON.parse(row.scope) as FaultScope,
    options: JSON.parse(row.options) as FaultOptions,
    remaining: row.remaining ?? undefined,
    createdAt: row.created_at,
  }
}
