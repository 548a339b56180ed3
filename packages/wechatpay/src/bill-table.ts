/** A bill's text (WeChat Pay, "Bills: the format"): titles, rows, the summary's titles, and the summary. */
import { BillError, readSignedAmount, readTime } from '@xuecheng/client-kit'

export interface BillTable {
  readonly rows: readonly Row[]
  readonly summary: Row
}

/** A line's cells by column title. */
export interface Row {
  text(title: string): string
  /** Whole fen, from yuan with up to five decimal places of which only two may be non-zero. */
  fen(title: string): number
  count(title: string): number
  time(title: string): Date
}

/**
 * Every data cell begins with a backquote, so cells end at a comma and a backquote; nothing is quoted.
 * @param freeText the column that takes surplus cells: the merchant's own text, which may contain anything
 * @throws BillError (`BILL_NOT_UNDERSTOOD`)
 */
export function readBillTable(
  text: string,
  titles: readonly string[],
  summaryTitles: readonly string[],
  freeText: string,
): BillTable {
  const lines = text.split(/\r?\n/)
  while (lines.at(-1)?.trim() === '') lines.pop()
  if (titlesOf(lines[0]) !== titles.join()) throw unreadable('its columns are unknown')
  const summaryAt = lines.length - 2
  if (summaryAt < 1 || titlesOf(lines[summaryAt]) !== summaryTitles.join())
    throw unreadable('its totals are missing; it may be truncated')
  const row = (names: readonly string[], index: number) => {
    const cells = cellsOf(lines[index] ?? '', names.length, names.indexOf(freeText))
    if (!cells) throw unreadable(`line ${index + 1} does not match the columns`)
    return rowOf(names, cells, index + 1)
  }
  const rows = Array.from({ length: summaryAt - 1 }, (_, index) => row(titles, index + 1))
  return { rows, summary: row(summaryTitles, summaryAt + 1) }
}

/** Some files also have backquotes before the titles, and full-width brackets. */
const titlesOf = (line: string | undefined): string =>
  (line ?? '').replaceAll('`', '').replaceAll('（', '(').replaceAll('）', ')').trim()

function cellsOf(line: string, columns: number, freeAt: number): string[] | undefined {
  if (!line.startsWith('`')) return undefined
  const cells = line.slice(1).split(',`')
  const surplus = cells.length - columns
  if (surplus === 0) return cells
  if (surplus < 0 || freeAt < 0) return undefined
  return [
    ...cells.slice(0, freeAt),
    cells.slice(freeAt, freeAt + surplus + 1).join(',`'),
    ...cells.slice(freeAt + surplus + 1),
  ]
}

function rowOf(titles: readonly string[], cells: readonly string[], line: number): Row {
  const text = (title: string) => (cells[titles.indexOf(title)] ?? '').trim()
  const need = <Value>(title: string, value: Value | undefined): Value => {
    if (value === undefined) throw unreadable(`line ${line} has no readable ${title}`)
    return value
  }
  return {
    text,
    fen: (title) => need(title, readYuan(text(title))),
    count: (title) => need(title, readCount(text(title))),
    time: (title) => need(title, readTime(text(title))),
  }
}

/** Fees are rounded to the fen but printed with five places. */
const readYuan = (text: string): number | undefined => readSignedAmount(text.replace(/(\.\d{2})0{1,3}$/, '$1'))

/** Written `3` or `45.0`. */
const readCount = (text: string): number | undefined => {
  const [, digits] = /^(\d{1,9})(?:\.0{1,5})?$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** @throws BillError (`BILL_DISAGREES`) when the summary matches none of the possible readings of the rows */
export function agree(what: string, said: number, ...counted: readonly number[]): void {
  if (counted.includes(said)) return
  throw new BillError(
    'BILL_DISAGREES',
    `The bill disagrees with itself: ${what} is ${said}, but its rows give ${counted[0]}.`,
  )
}

export const unreadable = (why: string) => new BillError('BILL_NOT_UNDERSTOOD', `The bill cannot be read: ${why}.`)
