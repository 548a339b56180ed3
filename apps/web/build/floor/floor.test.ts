/** The check of scripts and styles against the oldest browsers: what it must report, and what it must accept. */
import postcss from 'postcss'
import { expect, test } from 'vitest'
import { floorFallbacks } from './fallbacks.ts'
import { TARGETS } from './floor.ts'
import { gapsOfScript } from './scripts.ts'
import { gapsOfStyles } from './styles.ts'

const withFallbacks = (css: string): string => postcss([floorFallbacks]).process(css, { from: undefined }).css

test('the floor is what package.json states', () => {
  expect(TARGETS).toEqual(['ios14.0', 'safari14.0', 'chrome87'])
})

test.each([
  ['URL.canParse(address)', 'URL.canParse'],
  ['days.toReversed()', '.toReversed()'],
  ['rows.toSorted()', '.toSorted()'],
  ['rows.at(-1)', '.at()'],
  ['rows.findLast(is)', '.findLast()'],
  ['Object.hasOwn(row, "id")', 'Object.hasOwn'],
  ['Object.groupBy(rows, of)', 'Object.groupBy'],
  ['Promise.withResolvers()', 'Promise.withResolvers'],
  ['structuredClone(row)', 'structuredClone'],
  ['self.structuredClone(row)', 'structuredClone'],
  ['new BroadcastChannel("orders")', 'BroadcastChannel'],
  ['new SharedWorker("x.js")', 'SharedWorker'],
  ['new CompressionStream("gzip")', 'CompressionStream'],
  ['navigator.locks.request("x", work)', 'navigator.locks'],
  ['crypto.randomUUID()', 'crypto.randomUUID'],
  ['AbortSignal.timeout(5)', 'AbortSignal.timeout'],
  ['AbortSignal.any([a, b])', 'AbortSignal.any'],
  ['requestIdleCallback(work)', 'requestIdleCallback'],
  ['dialog.showModal()', '.showModal()'],
  ['new Intl.ListFormat("en")', 'Intl.ListFormat'],
  ['new Intl.DateTimeFormat("en", { dateStyle: "long" })', '{ dateStyle }'],
  ['text.split(/(?<=, )/)', '(?<=…)'],
  ['new RegExp("(?<!a)b")', '(?<=…)'],
])('%s is found', (code, gap) => {
  expect(gapsOfScript(code)).toEqual([gap])
})

test.each(['await start()', 'class Row { id = 1 }', 'class Row { static { make() } }', 'class Row { #id() {} }'])(
  'syntax that the floor does not parse is found: %s',
  (code) => {
    expect(gapsOfScript(code)).toEqual([expect.stringMatching(/^syntax: .+ at /)])
  },
)

test('what the floor has, and names that only look like what it lacks, pass', () => {
  const code = `
    const total = rows.map((row) => row?.sum ?? 0).flat().includes(1) && text.replaceAll('a', 'b').matchAll(/(?<year>\\d+)/g)
    new Intl.NumberFormat('en', { minimumFractionDigits: 2 }).format(new URL('/', 'https://a.example').searchParams.get('at'))
    const { at, locks } = row; row.at ||= locks; Promise.allSettled([]); new ResizeObserver(() => {}); new AbortController()
    export default { at: row.at, BroadcastChannel: row.BroadcastChannel }`
  expect(gapsOfScript(code)).toEqual([])
})

test.each([
  ['a { color: color-mix(in srgb, red, blue) }', 'color-mix()'],
  ['a { --tint: color-mix(in srgb, red, blue) }', 'color-mix()'],
  ['a { max-height: 100dvh }', 'dvh'],
  ['a { aspect-ratio: 1 }', 'aspect-ratio'],
  ['a { accent-color: red }', 'accent-color'],
  ['a { inset: 0 }', 'inset'],
  ['a { overflow: clip }', 'overflow: clip'],
  ['a { overflow-wrap: anywhere }', 'overflow-wrap: anywhere'],
  ['a:has(b) { top: 0 }', ':has'],
  ['a:is(b, c) { top: 0 }', ':is'],
  ['a:focus-visible { top: 0 }', ':focus-visible'],
  ['dialog::backdrop { top: 0 }', ':backdrop'],
  ['@layer base { a { top: 0 } }', '@layer'],
  ['@container (max-width: 1px) { a { top: 0 } }', '@container'],
  ['a { display: flex; gap: 8px }', 'gap of flex: a'],
])('%s is found', (css, gap) => {
  expect(gapsOfStyles(css)).toEqual([gap])
})

test('a fallback before it lets a value pass, after it does not', () => {
  expect(gapsOfStyles('a { color: red; color: color-mix(in srgb, red, blue) }')).toEqual([])
  expect(gapsOfStyles('a { color: color-mix(in srgb, red, blue); color: red }')).toEqual(['color-mix()'])
  expect(gapsOfStyles('a { -webkit-appearance: none; appearance: none }')).toEqual([])
  expect(gapsOfStyles('@supports (aspect-ratio: 1) { a { aspect-ratio: 1 } }')).toEqual([])
  expect(gapsOfStyles('a { display: grid; gap: 8px; width: min(100%, 4em); padding: 0 clamp(1px, 2vw, 3px) }')).toEqual(
    [],
  )
})

test('the build writes margins for the gaps of flexible boxes, and older words before newer ones', () => {
  const css = `
    .row { display: flex; gap: 8px }
    .list { display: inline-flex; flex-direction: column; gap: 4px 12px }
    .many { display: flex; flex-wrap: wrap; gap: 8px 12px }
    .page { max-height: calc(100dvh - 4px); overflow-wrap: anywhere }
    .code { overflow-wrap: normal }
    @media (max-width: 1px) { .row { gap: 2px } .grid { display: grid; gap: 2px } }`
  const built = withFallbacks(css)
  expect(gapsOfStyles(built)).toEqual(['overflow-wrap: anywhere'])
  const flat = built.replace(/\s+/g, ' ')
  expect(flat).toContain('@supports not (inset: 0) { .row > * + * { margin-left: 8px } }')
  expect(flat).toContain('@supports not (inset: 0) { .list > * + * { margin-top: 4px } }')
  expect(flat).toContain('.many > * { margin-right: 12px; margin-bottom: 8px }')
  expect(flat).toMatch(
    /@media \(max-width: 1px\) \{ \.row \{ gap: 2px \} @supports not \(inset: 0\) \{ \.row > \* \+ \*/,
  )
  expect(flat).toContain('max-height: calc(100vh - 4px); max-height: calc(100dvh - 4px)')
  expect(flat).toContain('@supports not (overflow-wrap: anywhere) { .page { word-break: break-word } }')
  expect(flat).toContain('@supports not (overflow-wrap: anywhere) { .code { word-break: normal } }')
  expect(flat).not.toContain('.grid >')
})
