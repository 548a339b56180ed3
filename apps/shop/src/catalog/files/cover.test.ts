/** Covers: deterministic, safe to serve, typeset by the rules of both scripts, and always legible. */
import { expect, test } from 'vitest'
import { readDemo } from '../demo.ts'
import { COMPOSITIONS, contrast, drawCover, fitTitle } from './cover.ts'

const palette = ['#DCE5E4', '#6E9595', '#1F3A44']
const draw = (title: string, seed: string, colours: readonly string[] = palette) =>
  drawCover({ title, palette: colours, seed, language: 'zh-CN' })
const groundOf = (svg: string) => /<rect x="0" y="0" width="640" height="400" fill="(#\w+)"/.exec(svg)?.[1] ?? ''
const linesOf = (svg: string) => [...svg.matchAll(/<tspan[^>]*>([^<]*)</g)].map(([, line]) => line ?? '')

test('the same course always has the same cover, and seeds reach every composition', () => {
  expect(draw('算法', 'one')).toBe(draw('算法', 'one'))
  const shapes = Array.from({ length: 400 }, (_, n) =>
    draw('', `course-${n}`)
      .replace(/#[0-9A-Fa-f]{6}/g, '')
      .replace(/ transform="[^"]*"/, ''),
  )
  expect(COMPOSITIONS.length).toBeGreaterThanOrEqual(12)
  expect(new Set(shapes).size).toBe(COMPOSITIONS.length)
})

test('a title cannot break out of its text element', () => {
  const svg = draw(`</text><script>alert("1")</script>&'`, 'x')
  expect(svg).not.toContain('<script')
  expect(svg).not.toMatch(/&(?!#\d+;)/)
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|url\(/)
})

test('a title with characters that XML forbids is still a well-formed cover', () => {
  expect(draw('好\u0000的\u000b \ud800书\uffff', 'x')).not.toMatch(/[\p{Cc}\p{Cs}\uffff]/u)
})

test('a Chinese line never starts with closing punctuation nor ends with an opening one', () => {
  const title = '读《边城》、《围城》，再谈“写作”：为什么（以及怎样）写？'
  for (let width = 120; width < 560; width += 7) {
    for (const line of fitTitle(title, width, 320).lines) {
      expect(line).not.toMatch(/^[，。、；：？！）》」』】”]/u)
      expect(line).not.toMatch(/[（《“]$/u)
    }
  }
})

test('a Chinese line gladly ends where the title pauses, and never inside a word', () => {
  expect(fitTitle('小店的账：一杯咖啡赚多少', 552, 196).lines).toEqual(['小店的账：', '一杯咖啡赚多少'])
  expect(fitTitle('算法，用纸笔想清楚', 552, 176).lines).toEqual(['算法，', '用纸笔想清楚'])
  for (let width = 180; width < 560; width += 20) {
    const { lines } = fitTitle('屏幕上的配色与对比', width, 312)
    for (const word of ['屏幕', '配色', '对比'])
      expect(
        lines.some((line) => line.includes(word)),
        `${width}`,
      ).toBe(true)
  }
})

test('English breaks between words', () => {
  const title = 'Plain English for Engineers Who Would Rather Write Code'
  const { lines } = fitTitle(title, 332, 304)
  expect(lines.length).toBeGreaterThan(1)
  expect(lines.join(' ')).toBe(title)
})

test('however long, a title keeps to four lines inside its box', () => {
  for (const title of ['学'.repeat(300), 'x'.repeat(300), 'word '.repeat(90), '很长的标题，'.repeat(8)]) {
    const { lines, size, leading } = fitTitle(title, 332, 170)
    expect(lines.length).toBeLessThanOrEqual(4)
    expect(lines.length * leading).toBeLessThanOrEqual(170)
    for (const line of lines) if (/^[学…]+$/.test(line)) expect([...line].length * size).toBeLessThanOrEqual(332)
  }
})

test('the title reaches 4.5 : 1 on its ground, whatever the palette', () => {
  const palettes = [palette, ['#777777', '#787878', '#767676'], ...readDemo().categories.map((one) => one.palette)]
  for (const colours of palettes) {
    for (let n = 0; n < 60; n++) {
      const svg = draw('标题', `seed-${n}`, colours)
      const ground = groundOf(svg)
      const ink = /<text[^>]* fill="(#\w+)"/.exec(svg)?.[1] ?? ''
      expect(contrast(ground, ink)).toBeGreaterThanOrEqual(4.5)
    }
  }
})

test('every demo title is set whole', () => {
  const { courses, categories } = readDemo()
  for (const course of courses) {
    const colours = categories.find((one) => one.slug === course.category)?.palette ?? []
    const lines = linesOf(drawCover({ ...course, palette: colours, seed: course.slug }))
    expect(lines.join('').replace(/\s/g, '')).toBe(course.title.replace(/\s/g, ''))
  }
})
