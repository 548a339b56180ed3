/** Lists that come in pages. A cursor is the position at which the next page starts, as opaque text that the client sends back. */
import type { SelectQueryBuilder, Simplify, StringReference } from 'kysely'
import { sql } from 'kysely'
import { Type } from 'typebox'
import { ShopError } from '../errors.ts'

/** The cursor in the query of a route. */
export const Cursor = Type.Optional(Type.String({ maxLength: 200 }))

/** One page on the wire. */
export const PageShape = <Name extends string>(of: Name) =>
  Type.Object({ items: Type.Array(Type.Ref(of)), next: Type.Union([Type.String(), Type.Null()]) })

export interface Page<Item> {
  readonly items: Item[]
  /** The cursor of the next page; null after the last one. */
  readonly next: string | null
}

/**
 * One page of a list that is sorted by a table's id, newest first unless `order` says otherwise.
 * @param list.key the id's column, as the query names it
 * @throws ShopError INVALID_INPUT for a cursor that is not ours
 */
export async function cursorPage<Tables, In extends keyof Tables, Row extends { readonly id: number }, Item>(list: {
  readonly cursor: string | undefined
  readonly query: SelectQueryBuilder<Tables, In, Row>
  readonly key: StringReference<Tables, In>
  readonly size: number
  readonly order?: 'asc' | 'desc'
  readonly view: (rows: Simplify<Row>[]) => Item[] | Promise<Item[]>
}): Promise<Page<Item>> {
  const { size, order = 'desc' } = list
  const [after] = readCursor(list.cursor, ['number']) ?? []
  const key = sql.ref<number>(list.key)
  const query =
    after === undefined
      ? list.query
      : list.query.where(order === 'desc' ? sql<boolean>`${key} < ${after}` : sql<boolean>`${key} > ${after}`)
  const rows = await query
    .orderBy(key, order)
    .limit(size + 1)
    .execute()
  const { page, next } = cutPage(rows, size, (row: { readonly id: number }) => [row.id])
  return { items: await list.view(page), next }
}

/**
 * For lists with another order than an id's: cuts a page off rows that were read with one more than fits.
 * @param keyOf what the cursor keeps of the last row, so that the next page begins after it
 */
export function cutPage<Row>(
  rows: readonly Row[],
  size: number,
  keyOf: (row: Row) => readonly CursorValue[],
): { page: Row[]; next: string | null } {
  const page = rows.slice(0, size)
  const last = page.at(-1)
  return { page, next: rows.length > size && last !== undefined ? writeCursor(keyOf(last)) : null }
}

export type CursorValue = string | number

export const writeCursor = (values: readonly CursorValue[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url')

/** Reads a cursor whose values have exactly the types in `kinds`. @throws ShopError INVALID_INPUT for anything else */
export function readCursor(
  text: string | undefined,
  kinds: readonly ('string' | 'number')[],
): CursorValue[] | undefined {
  if (text === undefined) return undefined
  const invalid = () =>
    new ShopError('INVALID_INPUT', { errors: [{ field: 'cursor', message: 'is not a cursor of this list' }] })
  let values: unknown
  try {
    values = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw invalid()
  }
  if (!Array.isArray(values) || values.length !== kinds.length) throw invalid()
  const fits = values.every((value: unknown, index) =>
    kinds[index] === 'number' ? typeof value === 'number' && Number.isSafeInteger(value) : typeof value === 'string',
  )
  if (!fits) throw invalid()
  return values as CursorValue[]
}
