/**
 * Reads a CSV file of students as saved by spreadsheets: detects the encoding, finds columns by name, and numbers the
 * rows by line.
 */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CsvError, parse } from 'csv-parse'
import { unmarked } from '../../http/csv.ts'
import { cutText } from '../../text/cut-text.ts'

export const MAX_ROWS = 20_000
export const MAX_BYTES = 5 * 1024 * 1024
export const MAX_COLUMNS = 100
/** Length of a row in characters, including separators and quotes. */
export const MAX_ROW_LENGTH = 8192
/** Empty lines count as well: each has to be read. */
const MAX_LINES = 5 * MAX_ROWS
/** Characters read in one turn of the event loop. */
const PIECE = 16_384

export const PROBLEMS = [
  'NOT_TEXT',
  'NOT_CSV',
  'NO_COLUMNS',
  'NO_ROWS',
  'TOO_MANY_ROWS',
  'TOO_WIDE',
  'BAD_USERNAME',
  'BAD_NAME',
  'NO_COURSE',
  'MANY_COURSES',
  'IS_STAFF',
] as const
export type Column = 'file' | 'username' | 'displayName' | 'course'

/** What is wrong, and where; `value` is the offending text. */
export interface Problem {
  readonly line: number
  readonly column: Column
  readonly code: (typeof PROBLEMS)[number]
  readonly value: string
}

export interface FileRow {
  readonly line: number
  readonly username: string
  readonly displayName: string
  readonly course: string
}

const NAMES: Readonly<Record<Exclude<Column, 'file'>, readonly string[]>> = {
  username: ['username', 'user', 'account', '用户名', '账号', '帐号'],
  displayName: ['displayname', 'name', '昵称', '姓名', '显示名'],
  course: ['course', 'courseid', 'coursetitle', '课程', '课程编号', '课程名称'],
}

/** Decodes UTF-8 with or without a BOM, or GB18030, which Excel saves in China; undefined for anything else. */
export function decode(bytes: Uint8Array): string | undefined {
  for (const encoding of ['utf-8', 'gb18030']) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
      return text.includes('\0') ? undefined : text
    } catch {
      // Not this encoding.
    }
  }
  return undefined
}

/**
 * The rows of a file, or the one reason why it has none. Empty lines do not count as rows; lines are numbered from 1,
 * as in editors.
 */
export async function readFile(bytes: Uint8Array): Promise<{ rows: FileRow[]; problem?: Problem }> {
  const text = decode(bytes)
  if (text === undefined) return broken('NOT_TEXT')
  const misshapen = await findMisshapen(text)
  if (misshapen) return broken(misshapen.code, misshapen.line)
  const lines = Readable.from(pieces(text)).pipe(
    parse({ info: true, relax_column_count: true, skip_empty_lines: true, trim: true, max_record_size: 4096 }),
  )
  const rows: FileRow[] = []
  let places: Record<Exclude<Column, 'file'>, number> | undefined
  try {
    for await (const { record, info } of lines as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!places) {
        places = findColumns(record)
        if (places.username < 0 || places.course < 0) return broken('NO_COLUMNS', info.lines, record.join(', '))
        continue
      }
      if (record.every((cell) => cell === '')) continue
      if (rows.length === MAX_ROWS) return broken('TOO_MANY_ROWS', info.lines)
      const at = (place: number) => unmarked(record[place] ?? '')
      const { username, displayName, course } = places
      rows.push({ line: info.lines, username: at(username), displayName: at(displayName), course: at(course) })
    }
  } catch (error) {
    if (error instanceof CsvError) return broken('NOT_CSV', typeof error['lines'] === 'number' ? error['lines'] : 1)
    throw error
  }
  return rows.length === 0 ? broken('NO_ROWS') : { rows }
}

const broken = (code: Problem['code'], line = 1, value = ''): { rows: FileRow[]; problem: Problem } => ({
  rows: [],
  problem: { line, column: 'file', code, value: cutText(value, 100) },
})

function findColumns(head: readonly string[]): Record<Exclude<Column, 'file'>, number> {
  const titles = head.map((title) => title.toLowerCase().replace(/[\s_-]/g, ''))
  const place = (column: Exclude<Column, 'file'>) => titles.findIndex((title) => NAMES[column].includes(title))
  return { username: place('username'), displayName: place('displayName'), course: place('course') }
}

/** Yields to the event loop between pieces, so that a large file does not block other requests. */
async function* pieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += PIECE) {
    yield text.slice(at, at + PIECE)
    await nextTurn()
  }
}

/**
 * Finds the first row that is too wide, or the line at which there are too many: the parser would collect cells without
 * a limit.
 */
async function findMisshapen(text: string): Promise<{ code: 'TOO_WIDE' | 'TOO_MANY_ROWS'; line: number } | undefined> {
  const row = { columns: 1, length: 0, isQuoted: false, line: 1 }
  for await (const piece of pieces(text)) {
    for (const character of piece) {
      row.length += 1
      if (character === '"') row.isQuoted = !row.isQuoted
      else if (character === '\n') row.line += 1
      if (character === ',' && !row.isQuoted) row.columns += 1
      if (row.columns > MAX_COLUMNS || row.length > MAX_ROW_LENGTH) return { code: 'TOO_WIDE', line: row.line }
      if (!row.isQuoted && (character === '\n' || character === '\r')) {
        row.columns = 1
        row.length = 0
      }
    }
    if (row.line > MAX_LINES) return { code: 'TOO_MANY_ROWS', line: row.line }
  }
  return undefined
}
