/** CSV files that spreadsheets open with Chinese intact and without running any cell as a formula. */

/** The header line. Its byte order mark makes Excel read the file as UTF-8. */
export const csvHead = (titles: readonly string[]): string => `\ufeff${csvLine(titles)}`

/** One line, including its line ending. */
export const csvLine = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\r\n`

/**
 * Text that a spreadsheet may read as a formula. Chinese and Japanese spreadsheets also accept full-width signs, and
 * some skip white space or invisible characters first.
 */
const FORMULA = /^'*(?:[\t\r]|[\p{White_Space}\p{Cc}\p{Cf}]*[=+\-@＝＋－﹣−＠﹢﹦﹫])/u

/**
 * Always quotes. A cell can hold a user's text, so anything that looks like a formula is marked as text. Long numbers
 * get a tab so that spreadsheets keep all their digits.
 */
function quoted(text: string): string {
  const isLongNumber = /^\d{12,}$/.test(text)
  const cell = isLongNumber ? `\t${text}` : FORMULA.test(text) ? `'${text}` : text
  return `"${cell.replaceAll('"', '""')}"`
}

/** Undoes the mark of `csvLine`, so that an exported file can be imported again. */
export const unmarked = (cell: string): string =>
  cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell
