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
type Composition = { title: Box; shapes: (first: string, second: string) => string }

const INK = '#1C1B19'
const PAPER = '#FBFAF7'
const AA = 4.5

const circle = (x: number, y: number, r: number, fill: string) =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`
const rect = (x: number, y: number, width: number, height: number, fill: string) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`
const path = (d: string, fill: string) => `<path d="${d}" fill="${fill}"/>`

/** Each keeps its shapes clear of its title box, so the ground alone decides whether the title can be read. */
export const COMPOSITIONS: readonly Composition[] = [
  {
    title: { x: 44, y: 40, width: 552, height: 170 },
    shapes: (a, b) => path('M280 400a150 150 0 0 1 300 0z', a) + rect(0, 352, 640, 48, b),
  },
  {
    title: { x: 256, y: 48, width: 344, height: 304 },
    shapes: (a, b) => rect(0, 0, 216, 400, a) + path('M0 108a108 108 0 0 1 0 216z', b) + circle(162, 324, 54, b),
  },
  {
    title: { x: 44, y: 48, width: 332, height: 304 },
    shapes: (a, b) =>
      path('M400 0h120v133a120 133 0 0 1-120-133z', a) +
      path('M640 0v133h-120a120 133 0 0 1 120-133z', b) +
      path('M520 133h120a120 134 0 0 1-120 134z', a) +
      path('M400 267h120v133a120 133 0 0 1-120-133z', b) +
      rect(520, 267, 120, 133, a),
  },
  {
    title: { x: 44, y: 36, width: 552, height: 180 },
    shapes: (a, b) =>
      [0, 1, 2, 3, 4].map((n) => rect(n * 128, 376 - n * 28, 128, 24 + n * 28, n % 2 === 0 ? a : b)).join(''),
  },
  {
    title: { x: 44, y: 40, width: 340, height: 320 },
    shapes: (a, b) => rect(440, 0, 8, 400, b) + circle(544, 112, 72, a) + path('M448 400v-160h160z', b),
  },
  {
    title: { x: 44, y: 190, width: 552, height: 174 },
    shapes: (a, b) => rect(0, 0, 640, 150, a) + circle(118, 75, 48, b) + path('M420 150l75-120 75 120z', b),
  },
  {
    title: { x: 44, y: 40, width: 552, height: 172 },
    shapes: (a, b) =>
      path('M640 400h-400a200 160 0 0 1 400-80z', a) +
      path('M0 400v-100a100 100 0 0 1 100 100z', b) +
      circle(200, 340, 18, b),
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

const escapeXml = (text: string) => text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`)

/**
 * The cover as a complete SVG document, 640 × 400, no scripts and nothing fetched.
 * @throws RangeError when the palette has fewer than three #rrggbb colours
 */
export function drawCover({ title, palette, seed, language }: Cover): string {
  const [light, middle, deep] = palette
  if (light === undefined || middle === undefined || deep === undefined)
    throw new RangeError('A palette has three colours')
  if (palette.some((colour) => !/^#[0-9a-f]{6}$/i.test(colour))) throw new RangeError('A palette is written as #rrggbb')
  const hash = createHash('sha256').update(seed).digest()
  const composition = COMPOSITIONS[hash.readUInt16BE(0) % COMPOSITIONS.length]
  if (composition === undefined) throw new RangeError('There is no composition')
  const onDeep = hash.readUInt8(2) % 3 === 0
  const wanted = onDeep ? deep : light
  const ground = contrast(titleColour(wanted), wanted) >= AA ? wanted : PAPER
  const shapes = onDeep ? composition.shapes(middle, light) : composition.shapes(middle, deep)
  const box = composition.title
  const { lines, size, leading } = fitTitle(title, box.width, box.height)
  const text = lines
    .map(
      (line, at) =>
        `<tspan x="${box.x}" y="${Math.round(box.y + size * 0.9 + at * leading)}">${escapeXml(line)}</tspan>`,
    )
    .join('')
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" role="img" aria-label="${escapeXml(title)}">` +
    `${rect(0, 0, 640, 400, ground)}${shapes}` +
    `<text xml:lang="${language}" fill="${titleColour(ground)}" font-size="${size}" font-weight="600" ` +
    `font-family="'Songti SC','Noto Serif SC','Noto Serif CJK SC',Georgia,serif">${text}</text></svg>`
  )
}

const SIZES = [60, 54, 48, 42, 38, 34, 30, 26, 22]
const MOST_LINES = 4
const NOT_FIRST = /^[，。、；：？！…—）》」』】”’,.;:?!)\]}%]/u
const NOT_LAST = /[（《「『【“‘([{]$/u

/** A generous width in ems: a fallback font may be wider than the first of the stack. */
function widthOf(text: string): number {
  let ems = 0
  for (const sign of text) {
    if (sign > '\u02ff') ems += 1
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
