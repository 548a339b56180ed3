/** CSV files that spreadsheets open with Chinese intact, and whose cells are never taken for formulas. */

/** The first line. Its byte order mark is what makes Excel read UTF-8. */
export const csvHead = (titles: readonly string[]): string => `\ufeff${csvLine(titles)}`

/** One line, its end included. */
export const csvLine = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\r\n`

/**
 * Always quoted. What a spreadsheet would take for a formula is text that somebody chose, so it is marked as text; and long
 * numbers keep all their digits.
 */
function quoted(text: string): string {
  const isFormula = /^[=+\-@\t\r]/.test(text)
  const isLongNumber = /^\d{12,}$/.test(text)
  const cell = isLongNumber ? `\t${text}` : isFormula ? `'${text}` : text
  return `"${cell.replaceAll('"', '""')}"`
}
