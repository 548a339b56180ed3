/**
 * Writes an export, a stretch of orders a step: counted first, so that its progress can be told, then written. Each step is
 * one transaction that keeps its piece, counts itself, and puts the next one into the queue.
 */
import type { Updateable } from 'kysely'
import type { Logger } from 'pino'
import type { Database, Reader } from '../database/connect.ts'
import type { Tables } from '../database/tables.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { fileHead, fileLines } from './export-file.ts'
import { EXPORT_ORDERS, searchOf } from './exports.ts'
import { readRows } from './orders.ts'
import { countStretch, findInStretch } from './walk-orders.ts'

/** How many numbers of orders a step looks at, and how many orders it writes, at most. */
const COUNTED_A_STEP = 100_000
const LOOKED_AT_A_STEP = 5000
const WRITTEN_A_STEP = 1000
/** Longer than any step takes: an export that has not moved since then has lost its job. */
const LOST_AFTER_MS = 90_000
/** A step that failed so often, with the queue's pauses of seconds in between, does not succeed by being tried again. */
const MOST_FAILURES = 4

interface Running {
  readonly db: Database
  readonly clock: () => Date
  readonly log: Logger
}

interface Step {
  readonly exportId: number
  readonly step: number
}

/** One step. A step that was made already, or of an export that ended, does nothing: so it may run twice, or at once. */
export async function stepExport(running: Running, step: Step): Promise<void> {
  try {
    await makeStep(running, step)
  } catch (error) {
    if (!(await givesUp(running, step))) throw error
    running.log.error({ err: error, exportId: step.exportId }, 'an export of orders failed')
  }
}

type Row = NonNullable<Awaited<ReturnType<typeof dueStep>>>

const dueStep = (db: Database, { exportId, step }: Step) =>
  db
    .selectFrom('exports')
    .selectAll()
    .where('id', '=', exportId)
    .where('status', '=', 'running')
    .where('steps', '=', step)
    .executeTakeFirst()

async function makeStep({ db, clock }: Running, step: Step): Promise<void> {
  const due = await dueStep(db, step)
  if (!due) return
  const made = await (due.is_counted ? write(db, due) : count(db, due))
  const now = clock()
  await db.transaction().execute(async (tx) => {
    const isOver = made.status === 'done'
    const taken = await changed(tx, step, {
      ...made.columns,
      ...{ steps: step.step + 1, failures: 0, moved_at: now },
      ...(isOver && { status: made.status, ended_at: now }),
    })
    if (!taken) return
    if (made.body) {
      const piece = { export_id: step.exportId, step: step.step, body: made.body }
      await tx.insertInto('export_pieces').values(piece).execute()
    }
    if (!isOver) await enqueue(tx, EXPORT_ORDERS, { exportId: step.exportId, step: step.step + 1 })
  })
}

async function count(db: Database, due: Row) {
  const first = Math.max(due.first_id, due.next_id - COUNTED_A_STEP + 1)
  const total = due.total + (await countStretch(db, searchOf(due), { first, last: due.next_id }))
  const isOver = first <= due.first_id
  const columns = { total, is_counted: isOver, next_id: isOver ? due.last_id : first - 1 }
  return { status: 'running' as const, columns, body: '' }
}

async function write(db: Database, due: Row) {
  const first = Math.max(due.first_id, due.next_id - LOOKED_AT_A_STEP + 1)
  const ids = await findInStretch(db, searchOf(due), { first, last: due.next_id }, WRITTEN_A_STEP)
  // Where there may be more in the stretch, the next step goes on right below the last one.
  const next = (ids.length === WRITTEN_A_STEP ? (ids.at(-1) ?? first) : first) - 1
  const body = (due.bytes === 0 ? fileHead() : '') + fileLines(await readRows(db, ids))
  const written = due.rows_written + ids.length
  const bytes = due.bytes + Buffer.byteLength(body)
  const columns = { next_id: next, rows_written: written, bytes }
  if (next >= due.first_id) return { status: 'running' as const, columns, body }
  // Orders that moved to another status meanwhile were counted as what they were.
  return { status: 'done' as const, columns: { ...columns, total: written }, body }
}

/** Changes the export if this step is the one that is due. */
const changed = (db: Reader, { exportId, step }: Step, to: Updateable<Tables['exports']>) =>
  db
    .updateTable('exports')
    .set(to)
    .where('id', '=', exportId)
    .where('status', '=', 'running')
    .where('steps', '=', step)
    .returning('failures')
    .executeTakeFirst()

/** Counts a failure. @returns whether that was the last one: the export ends, and whoever made it is told */
async function givesUp({ db, clock }: Running, step: Step): Promise<boolean> {
  const due = await dueStep(db, step)
  if (!due) return false
  const failures = due.failures + 1
  const isOver = failures >= MOST_FAILURES
  const counted = await changed(db, step, { failures, ...(isOver && { status: 'failed', ended_at: clock() }) })
  return counted !== undefined && isOver
}

/** Puts exports back into the queue whose job was lost with its process. @param at once: nobody else can be at work on them */
export async function resumeExports({ db, clock }: Omit<Running, 'log'>, { atOnce = false } = {}): Promise<void> {
  const since = new Date(clock().getTime() - (atOnce ? 0 : LOST_AFTER_MS))
  const left = await db
    .selectFrom('exports')
    .select(['id', 'steps'])
    .where('status', '=', 'running')
    .where('moved_at', '<=', since)
    .execute()
  for (const { id, steps } of left) await enqueue(db, EXPORT_ORDERS, { exportId: id, step: steps })
}
