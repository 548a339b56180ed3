/** Cursors: where a list goes on, as opaque text that the client hands back. */
import { ShopError } from '../errors.ts'

export type CursorValue = string | number

export const writeCursor = (values: readonly CursorValue[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url')

/** Reads a cursor of exactly `kinds`. @throws ShopError INVALID_INPUT for what has another shape. */
export function readCursor(
  text: string | undefined,
  kinds: readonly ('string' | 'number')[],
): CursorValue[] | undefined {
  if (text === undefined) return undefined
  const invalid = () => new ShopError('INVALID_INPUT', { errors: [{ field: 'cursor', message: 'is not one of ours' }] })
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
