/** Reads a CSV file of students as spreadsheets save it: its encoding, its columns by their names, its rows by their lines. */
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'

export const MOST_ROWS = 20_000
export const MOST_BYTES = 5 * 1024 * 1024
const PIECE = 65_536

export const PROBLEMS = [
  'NOT_TEXT',
  'NOT_CSV',
  'NO_COLUMNS',
  'NO_ROWS',
  'TOO_MANY_ROWS',
  'BAD_USERNAME',
  'BAD_NAME',
  'NO_COURSE',
  'MANY_COURSES',
  'IS_STAFF',
] as const
export type Column = 'file' | 'username' | 'displayName' | 'course'

/** What is wrong, and where; `value` is what stood there. */
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

/** UTF-8 with or without its mark, or GB18030, which is what Excel saves in China; nothing for what is neither. */
export function decode(bytes: Uint8Array): string | undefined {
  for (const encoding of ['utf-8', 'gb18030']) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
      return text.includes('\0') ? undefined : text
    } catch {
      // Not this one.
    }
  }
  return undefined
}

/** The rows of a file, or the one reason why it has none. Empty lines do not count; lines are numbered from 1, as editors do. */
export async function readFile(bytes: Uint8Array): Promise<{ rows: FileRow[]; problem?: Problem }> {
  const text = decode(bytes)
  if (text === undefined) return broken('NOT_TEXT')
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
      if (rows.length === MOST_ROWS) return broken('TOO_MANY_ROWS', info.lines)
      const at = (place: number) => record[place] ?? ''
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
  problem: { line, column: 'file', code, value: value.slice(0, 100) },
})

function findColumns(head: readonly string[]): Record<Exclude<Column, 'file'>, number> {
  const titles = head.map((title) => title.toLowerCase().replace(/[\s_-]/g, ''))
  const place = (column: Exclude<Column, 'file'>) => titles.findIndex((title) => NAMES[column].includes(title))
  return { username: place('username'), displayName: place('displayName'), course: place('course') }
}

/** So that a large file does not keep everybody else waiting. */
function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += PIECE) yield text.slice(at, at + PIECE)
}
