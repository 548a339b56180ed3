/** Exports of orders as they are kept: made, cancelled, read by whoever made them, and forgotten after a while. */
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Database, Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { Moment, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type OrderSearch, rangeOf, SearchShape } from './order-search.ts'

export const EXPORT_ORDERS = 'export-orders'
export const ExportTask = Type.Object({ exportId: Type.Integer(), step: Type.Integer() })

const LISTED = 50
/** A file may be downloaded for so long, and so many of one person's are kept: they lie in the database. */
export const FILE_DAYS = 7
const MOST_FILES = 10
const ROW_DAYS = 90
const DAY_MS = 86_400_000

export const ExportShape = Type.Object(
  {
    id: Type.Integer(),
    search: SearchShape,
    madeAt: Moment,
    status: Type.Enum(['running', 'done', 'cancelled', 'failed', 'expired']),
    rows: Type.Integer({ description: 'Written so far' }),
    total: Type.Union([Type.Integer(), Type.Null()], { description: 'Nothing while the orders are counted' }),
    endedAt: Type.Union([Moment, Type.Null()]),
    keptUntil: Type.Union([Moment, Type.Null()], { description: 'Until when a file that is done can be downloaded' }),
  },
  { $id: 'OrderExport' },
)
export type OrderExport = Static<typeof ExportShape>

/**
 * Begins one: of the orders that are there now, in a job of the same transaction. @returns its number
 * @throws ShopError EXPORT_RUNNING while another one of the same person is under way
 */
export async function addExport(tx: Transaction, search: OrderSearch, userId: number, now: Date): Promise<number> {
  const { first = 1, last = Number.MAX_SAFE_INTEGER } = await rangeOf(tx, search)
  const { rows } = await sql<{ newest: number }>`select coalesce(max(id), 0) as newest from orders`.execute(tx)
  const range = { first_id: Math.max(first, 1), last_id: Math.min(last, rows[0]?.newest ?? 0) }
  const added = await tx
    .insertInto('exports')
    .values({
      ...{ user_id: userId, search: JSON.stringify(search), made_at: now, moved_at: now },
      ...{ ...range, next_id: range.last_id },
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!added) throw new ShopError('EXPORT_RUNNING')
  await enqueue(tx, EXPORT_ORDERS, { exportId: added.id, step: 0 })
  return added.id
}

/** @throws ShopError NOT_FOUND, EXPORT_ENDED */
export async function cancelExport(tx: Transaction, id: number, userId: number, now: Date): Promise<void> {
  const cancelled = await tx
    .updateTable('exports')
    .set({ status: 'cancelled', ended_at: now })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('status', '=', 'running')
    .returning('id')
    .executeTakeFirst()
  if (cancelled) return
  await readExport(tx, id, userId)
  throw new ShopError('EXPORT_ENDED')
}

/** What can be downloaded. @throws ShopError NOT_FOUND, EXPORT_NOT_THERE */
export async function fileOf(tx: Transaction, id: number, userId: number) {
  const { status } = await readExport(tx, id, userId)
  if (status !== 'done') throw new ShopError('EXPORT_NOT_THERE')
  return tx.selectFrom('exports').select(['id', 'bytes', 'made_at']).where('id', '=', id).executeTakeFirstOrThrow()
}

/** Of whoever made it only. @throws ShopError NOT_FOUND */
export async function readExport(db: Reader, id: number, userId: number): Promise<OrderExport> {
  const [found] = await findExports(db, userId, id)
  if (!found) throw new ShopError('NOT_FOUND')
  return found
}

/** What was searched for, as it is kept. */
export const searchOf = ({ search }: { search: unknown }): OrderSearch => Value.Parse(SearchShape, search)

/** A person's newest, or one of them. */
export async function findExports(db: Reader, userId: number, id?: number): Promise<OrderExport[]> {
  let select = db.selectFrom('exports').selectAll().where('user_id', '=', userId)
  if (id !== undefined) select = select.where('id', '=', id)
  const found = await select.orderBy('id', 'desc').limit(LISTED).execute()
  return found.map((row) => ({
    id: row.id,
    search: searchOf(row),
    madeAt: writeMoment(row.made_at),
    status: row.status,
    rows: row.rows_written,
    total: row.is_counted ? row.total : null,
    endedAt: writeMomentOrNull(row.ended_at),
    keptUntil:
      row.status === 'done' && row.ended_at ? writeMoment(new Date(row.ended_at.getTime() + FILE_DAYS * DAY_MS)) : null,
  }))
}

/** Lets files expire whose days are over or that are one person's too many, and removes what nobody can download. */
export async function forgetExports(db: Database, now: Date): Promise<void> {
  const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS)
  await db
    .updateTable('exports')
    .set({ status: 'expired' })
    .where('status', '=', 'done')
    .where(
      sql<boolean>`(ended_at < ${daysAgo(FILE_DAYS)} or id in (
        select id from (
          select id, row_number() over (partition by user_id order by id desc) as place from exports where status = 'done'
        ) placed where place > ${MOST_FILES}))`,
    )
    .execute()
  await db
    .deleteFrom('export_pieces')
    .where('export_id', 'in', (of) =>
      of.selectFrom('exports').select('id').where('status', 'in', ['cancelled', 'failed', 'expired']),
    )
    .execute()
  await db
    .deleteFrom('exports')
    .where('status', 'in', ['cancelled', 'failed', 'expired'])
    .where('ended_at', '<', daysAgo(ROW_DAYS))
    .execute()
}
