/** Draws a course's cover as SVG from its title and its category's colours, for courses without an uploaded picture. */
import { createHash } from 'node:crypto'

export type Cover = {
  title: string
  /** The category's colours as #rrggbb, from light to deep; at least three. */
  palette: readonly string[]
  /** The course's slug: the same slug always gives the same cover. */
  seed: string
  language: 'zh-CN' | 'en'
}

type Box = { x: number; y: number; width: number; height: number }
type Composition = { title: Box; shapes: (first: string, second: string, ground: string) => string }

const INK = '#1C1B19'
const PAPER = '#FBFAF7'
const AA = 4.5

const circle = (x: number, y: number, r: number, fill: string) =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`
const rect = (x: number, y: number, width: number, height: number, fill: string) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`
const path = (d: string, fill: string) => `<path d="${d}" fill="${fill}"/>`

const arch = (x: number, height: number, fill: string) =>
  path(`M${x} 400v${50 - height}a50 50 0 0 1 100 0v${height - 50}z`, fill)

/**
 * Every composition keeps its shapes clear of its title box, so only the background decides whether the title is
 * legible.
 */
export const COMPOSITIONS: readonly Composition[] = [
  // A sun on the horizon
  {
    title: { x: 44, y: 40, width: 552, height: 180 },
    shapes: (a, b) => path('M284 352a124 124 0 0 1 248 0z', a) + rect(0, 352, 640, 48, b),
  },
  // A spine with a half moon
  {
    title: { x: 256, y: 48, width: 344, height: 304 },
    shapes: (a, b) => rect(0, 0, 216, 400, a) + path('M0 92a108 108 0 0 1 0 216z', b) + circle(162, 346, 54, b),
  },
  // Quarter circles, tiled
  {
    title: { x: 44, y: 44, width: 364, height: 312 },
    shapes: (a, b) =>
      [
        path('M440 0h100a100 100 0 0 1-100 100z', a),
        path('M640 0v100h-100a100 100 0 0 1 100-100z', b),
        path('M440 100h100v100a100 100 0 0 1-100-100z', b),
        rect(540, 100, 100, 100, a),
        circle(490, 250, 50, a),
        path('M540 200a100 100 0 0 1 100 100h-100z', b),
        path('M440 400v-100a100 100 0 0 1 100 100z', b),
        path('M640 300v100h-100a100 100 0 0 1 100-100z', a),
      ].join(''),
  },
  // Stairs
  {
    title: { x: 44, y: 40, width: 500, height: 196 },
    shapes: (a, b) =>
      [0, 1, 2, 3, 4].map((n) => rect(n * 128, 376 - n * 30, 128, 24 + n * 30, n % 2 === 0 ? a : b)).join(''),
  },
  // A line between a circle and a triangle
  {
    title: { x: 44, y: 44, width: 360, height: 312 },
    shapes: (a, b) => rect(440, 0, 8, 400, b) + circle(544, 112, 64, a) + path('M444 400v-180l180 180z', b),
  },
  // A frieze
  {
    title: { x: 44, y: 186, width: 552, height: 180 },
    shapes: (a, b) => rect(0, 0, 640, 144, a) + circle(116, 72, 44, b) + path('M432 144l72-108 72 108z', b),
  },
  // A hill and its moon
  {
    title: { x: 44, y: 40, width: 480, height: 176 },
    shapes: (a, b) => circle(476, 424, 190, a) + circle(582, 148, 34, b) + rect(0, 388, 640, 12, b),
  },
  // Rings from a corner
  {
    title: { x: 44, y: 40, width: 376, height: 224 },
    shapes: (a, b, ground) =>
      circle(640, 400, 232, a) +
      circle(640, 400, 176, ground) +
      circle(640, 400, 128, b) +
      circle(640, 400, 64, ground),
  },
  // Lines that thin out
  {
    title: { x: 44, y: 40, width: 552, height: 180 },
    shapes: (a, b) =>
      rect(0, 248, 640, 6, a) + rect(0, 270, 640, 12, a) + rect(0, 300, 640, 24, b) + rect(0, 344, 640, 56, a),
  },
  // Two overlapping circles
  {
    title: { x: 44, y: 44, width: 340, height: 312 },
    shapes: (a, b, ground) =>
      circle(516, 140, 100, a) +
      circle(516, 260, 100, b) +
      path('M436 200a100 100 0 0 1 160 0a100 100 0 0 1-160 0z', ground),
  },
  // An open book
  {
    title: { x: 44, y: 40, width: 552, height: 180 },
    shapes: (a, b) => path('M72 400v-112q128-44 248 24v88z', a) + path('M568 400v-112q-128-44-248 24v88z', b),
  },
  // An arcade
  {
    title: { x: 44, y: 40, width: 552, height: 176 },
    shapes: (a, b) => arch(44, 90, a) + arch(157, 122, b) + arch(270, 90, a) + arch(383, 122, b) + arch(496, 154, a),
  },
  // A page of dots, one of them highlighted
  {
    title: { x: 44, y: 44, width: 340, height: 312 },
    shapes: (a, b) =>
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
        .map((n) => circle(444 + (n % 3) * 70, 60 + Math.floor(n / 3) * 70, n === 7 ? 32 : 18, n === 7 ? b : a))
        .join(''),
  },
  // A slope
  {
    title: { x: 44, y: 40, width: 392, height: 212 },
    shapes: (a, b) => path('M640 400h-400l400-280z', a) + circle(556, 84, 44, b),
  },
]

/** A colour's relative luminance, 0 to 1 (WCAG 2, relative luminance). @param colour #rrggbb */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The contrast of two #rrggbb colours, 1 to 21 (WCAG 2, contrast ratio). */
export function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

const titleColour = (ground: string) => (contrast(PAPER, ground) > contrast(INK, ground) ? PAPER : INK)

/** Control characters and lone surrogates are not allowed in XML, not even escaped. */
const escapeXml = (text: string) =>
  text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ').replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`)

/**
 * The cover as a complete SVG document, 640 × 400, without scripts or external resources.
 * @throws RangeError when the palette has fewer than three #rrggbb colours
 */
export function drawCover({ title, palette, seed, language }: Cover): string {
  const [light, middle, deep] = palette
  if (light === undefined || middle === undefined || deep === undefined)
    throw new RangeError('A palette has three colours')
  if (palette.some((colour) => !/^#[0-9a-f]{6}$/i.test(colour))) throw new RangeError('A palette is written as #rrggbb')
  const hash = createHash('sha256').update(`cover ${seed}`).digest()
  const composition = COMPOSITIONS[hash.readUInt16BE(0) % COMPOSITIONS.length]
  if (composition === undefined) throw new RangeError('There is no composition')
  const [onDeep, mirrored, swapped] = [
    hash.readUInt8(2) % 3 === 0,
    hash.readUInt8(3) % 2 === 0,
    hash.readUInt8(4) % 2 === 0,
  ]
  const wanted = onDeep ? deep : light
  const ground = contrast(titleColour(wanted), wanted) >= AA ? wanted : PAPER
  const other = onDeep ? light : deep
  const shapes = swapped ? composition.shapes(other, middle, ground) : composition.shapes(middle, other, ground)
  const box = composition.title
  const left = mirrored ? 640 - box.x - box.width : box.x
  const { lines, size, leading } = fitTitle(title, box.width, box.height)
  const text = lines
    .map(
      (line, at) =>
        `<tspan x="${left}" y="${Math.round(box.y + size * 0.88 + at * leading)}">${escapeXml(line)}</tspan>`,
    )
    .join('')
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" role="img" aria-label="${escapeXml(title)}">` +
    `${rect(0, 0, 640, 400, ground)}<g${mirrored ? ' transform="matrix(-1 0 0 1 640 0)"' : ''}>${shapes}</g>` +
    `<text xml:lang="${language}" fill="${titleColour(ground)}" font-size="${size}" font-weight="600" ` +
    `font-family="'Songti SC','Noto Serif SC','Noto Serif CJK SC',Georgia,serif">${text}</text></svg>`
  )
}

const SIZES = [72, 66, 60, 54, 48, 42, 38, 34, 30, 26, 22]
const LEADING = 1.22
/** While the font size is at least this, three lines in smaller type are preferred to four lines in larger type. */
const COMFORTABLE = 42
const MAX_LINES = 4
const NOT_FIRST = /^[，。、；：？！…—）》」』】”’,.;:?!)\]}%]/u
const NOT_LAST = /[（《「『【“‘([{]$/u
const PAUSE = /[，。、；：？！—,;:?!] ?$/u
const WORDS = new Intl.Segmenter('zh-CN', { granularity: 'word' })

/** An upper estimate of the width in ems: a fallback font may be wider than the first font of the stack. */
function widthOf(text: string): number {
  let ems = 0
  for (const sign of text) {
    if (sign > '\u02ff') ems += 1
    else if (/[MW@%]/.test(sign)) ems += 1.2
    else if (/[mw]/.test(sign)) ems += 1
    else if (/[A-Z0-9&]/.test(sign)) ems += 0.78
    else if (/[ iIjl.,;:'!|]/.test(sign)) ems += 0.36
    else ems += 0.62
  }
  return ems
}

/** Unbreakable pieces: a word of either script with its punctuation; a word that is too wide is broken up. */
function pieces(title: string, ems: number): string[] {
  const out: string[] = []
  for (const { segment } of WORDS.segment(title.trim().replace(/\s+/g, ' '))) {
    for (const part of widthOf(segment) > ems ? segment : [segment]) {
      const last = out.pop()
      if (last === undefined) out.push(part)
      else if (!(NOT_FIRST.test(part) || NOT_LAST.test(last) || part === ' ' || joins(last, part))) out.push(last, part)
      else if (widthOf((last + part).trimEnd()) <= ems) out.push(last + part)
      else if (NOT_FIRST.test(part)) out.push(...breakWithPunctuation(last, part))
      else out.push(last, part)
    }
  }
  return out
}

/** Punctuation that does not fit behind its word takes the word's last character along to the next line. */
function breakWithPunctuation(last: string, part: string): string[] {
  const signs = [...last]
  let at = signs.length - 1
  while (at > 0 && NOT_FIRST.test(signs[at] ?? '')) at--
  return at <= 0 ? [last, part] : [signs.slice(0, at).join(''), signs.slice(at).join('') + part]
}

/** Latin characters without a space between them, such as C++ or T/T, are one word. */
const joins = (last: string, part: string) => /[\u0021-\u02ff]$/.test(last) && /^[\u0021-\u02ff]/.test(part)

/** Greedy line filling: as many pieces per line as fit. */
function fill(parts: readonly string[], ems: number): string[] {
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

/**
 * Sets the pieces in exactly `count` lines of at most `ems`: as even as possible, preferring breaks where the title
 * pauses.
 */
function balance(parts: readonly string[], ems: number, count: number): string[] {
  const ideal = widthOf(parts.join('')) / count
  type Setting = { cost: number; lines: string[] }
  let settings: (Setting | undefined)[] = [{ cost: 0, lines: [] }]
  for (let row = 1; row <= count; row++) {
    const next: (Setting | undefined)[] = []
    for (const [from, before] of settings.entries()) {
      if (before === undefined) continue
      let line = ''
      for (let to = from + 1; to <= parts.length; to++) {
        line += parts[to - 1] ?? ''
        const width = widthOf(line.trimEnd())
        if (width > ems) break
        const cost = before.cost + (width - ideal) ** 2 - (row < count && PAUSE.test(line) ? ideal : 0)
        const known = next[to]
        if (known === undefined || cost < known.cost) next[to] = { cost, lines: [...before.lines, line.trimEnd()] }
      }
    }
    settings = next
  }
  return settings[parts.length]?.lines ?? fill(parts, ems)
}

/**
 * The title's lines (at most four) and the largest font size at which they fit the box. A title that is too long for
 * the smallest size ends in an ellipsis.
 * @param width of the box, in the drawing's units, like `height`, `size` and `leading`
 */
export function fitTitle(
  title: string,
  width: number,
  height: number,
): { lines: string[]; size: number; leading: number } {
  for (const [least, most] of [
    [COMFORTABLE, MAX_LINES - 1],
    [0, MAX_LINES],
  ] as const) {
    for (const size of SIZES.filter((one) => one >= least)) {
      const leading = size * LEADING
      const ems = width / size
      // Words stay whole at every size but the smallest.
      const parts = pieces(title, size === SIZES.at(-1) ? ems : Number.POSITIVE_INFINITY)
      const lines = fill(parts, ems)
      const room = Math.min(most, Math.floor(height / leading))
      if (lines.length <= room && lines.every((line) => widthOf(line) <= ems)) {
        return { lines: balance(parts, ems, lines.length), size, leading }
      }
    }
  }
  const size = SIZES.at(-1) ?? 22
  const ems = width / size - 1
  const all = fill(pieces(title, ems), ems)
  const lines = all.slice(0, MAX_LINES)
  if (all.length > MAX_LINES) lines.push(`${lines.pop() ?? ''}…`)
  return { lines, size, leading: size * LEADING }
}
