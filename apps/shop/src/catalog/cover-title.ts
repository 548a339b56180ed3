/** Sets a title in lines for a cover: where it may break, and how large it can stand. */

const SIZES = [60, 54, 48, 42, 38, 34, 30, 26, 22]
const MOST_LINES = 4
const NOT_FIRST = /^[，。、；：？！…—）》」』】”’,.;:?!)\]}%]/u
const NOT_LAST = /[（《「『【“‘([{]$/u

/** A generous width in ems: a fallback font may be wider than the first of the stack. */
function widthOf(text: string): number {
  let ems = 0
  for (const sign of text) {
    if (/[^\u0000-\u02ff]/.test(sign)) ems += 1
    else if (/[mwMW@%]/.test(sign)) ems += 1
    else if (/[A-Z0-9&]/.test(sign)) ems += 0.78
    else if (/[ iIjl.,;:'!|]/.test(sign)) ems += 0.36
    else ems += 0.62
  }
  return ems
}

/** Pieces that stay whole: a Latin word, or one Chinese character with the punctuation that belongs to it. */
function pieces(title: string): string[] {
  const out: string[] = []
  for (const [part] of title
    .trim()
    .replace(/\s+/g, ' ')
    .matchAll(/[\u0021-\u02ff]+ ?|\s|./gu)) {
    const last = out.at(-1)
    if (last !== undefined && (NOT_FIRST.test(part) || NOT_LAST.test(last) || part === ' '))
      out[out.length - 1] = last + part
    else out.push(part)
  }
  return out
}

function wrap(parts: readonly string[], ems: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const part of parts) {
    if (line !== '' && widthOf((line + part).trimEnd()) > ems) {
      lines.push(line.trimEnd())
      line = ''
    }
    line += part
  }
  return line === '' ? lines : [...lines, line.trimEnd()]
}

const fits = (lines: readonly string[], ems: number) => lines.every((line) => widthOf(line) <= ems)

/** The same number of lines with the least ragged edge, so that no single character is left on the last line. */
function balance(parts: readonly string[], ems: number): string[] {
  let best = wrap(parts, ems)
  const count = best.length
  for (let narrower = ems - 0.25; narrower > 1; narrower -= 0.25) {
    const lines = wrap(parts, narrower)
    if (lines.length > count || !fits(lines, narrower)) break
    best = lines
  }
  return best
}

/**
 * The title's lines (four at most) and the largest type that keeps them in the box; a title too long for the
 * smallest type ends in an ellipsis.
 * @param width of the box, in the drawing's units, as are `height`, `size` and `leading`
 */
export function fitTitle(
  title: string,
  width: number,
  height: number,
): { lines: string[]; size: number; leading: number } {
  const parts = pieces(title)
  for (const size of SIZES) {
    const leading = size * 1.25
    const lines = wrap(parts, width / size)
    if (lines.length <= MOST_LINES && lines.length * leading <= height && fits(lines, width / size)) {
      return { lines: balance(parts, width / size), size, leading }
    }
  }
  const size = SIZES.at(-1) ?? 22
  const ems = width / size - 1
  const letters = parts.flatMap((part) => (widthOf(part) > ems ? [...part] : [part]))
  const all = wrap(letters, ems)
  const lines = all.slice(0, MOST_LINES)
  if (all.length > MOST_LINES) lines.push(`${lines.pop() ?? ''}…`)
  return { lines, size, leading: size * 1.25 }
}
