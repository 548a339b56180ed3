/**
 * Checks that the built pages use nothing that a supported browser (package.json, browserslist) lacks, except for the
 * list below.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gapsOfScript } from './scripts.ts'
import { gapsOfStyles } from './styles.ts'

/** Allowed exceptions, with the reason. An exception that is no longer used also fails the build. */
const ALLOWED: Record<string, string> = {
  // Polyfilled by src/old-browsers/gaps.ts.
  '.at()': 'filled in',
  'Object.hasOwn': 'filled in',
  '.showModal()': 'filled in',
  // Feature-detected before use.
  'navigator.locks': 'src/orders/order-stream.ts: without, each page asks every few seconds',
  BroadcastChannel: 'src/orders/order-stream.ts: likewise',
  MathMLElement: 'asked for by typeof (Vue, KaTeX)',
  OffscreenCanvas: 'asked for by typeof (Chart.js)',
  trustedTypes: 'asked for (Vue)',
  'document.startViewTransition': 'asked for (Vue Router)',
  // Vue's reactive arrays forward these to the array; no page calls them.
  '.toReversed()': 'passed on by Vue',
  '.toSorted()': 'passed on by Vue',
  '.toSpliced()': 'passed on by Vue',
  // Methods of our own or of a library, not of the browser.
  '.login()': 'the session store',
  '.component()': 'Vue',
  '.dispose()': 'vue-i18n',
  '.resize()': 'Chart.js',
  '.toArray()': 'Sortable',
  '{ unit }': 'KaTeX, Chart.js',
  '{ notation }': 'Chart.js: how a large number on an axis is written, as digits where it is not known',
  // Degrades gracefully: looks slightly different without it.
  'accent-color': 'the colour of a tick',
  'aspect-ratio': 'a picture or video has its own shape once it is there',
  'overscroll-behavior': 'how far a scroll reaches',
  'scroll-margin-top': 'how far below the edge a link jumps',
  'scrollbar-width': 'a scrollbar is seen',
  'text-wrap': 'where a title breaks',
  resize: 'a field of text that cannot be pulled larger; it scrolls',
  'cursor: default': 'the shape of a pointer',
  'cursor: grab': 'the shape of a pointer',
  'cursor: pointer': 'the shape of a pointer',
  'cursor: progress': 'the shape of a pointer',
  'overflow-wrap: anywhere': 'fallbacks.ts writes `word-break` for it',
  // Supported in grids as long as grids themselves; the tables refer to flexbox.
  'align-content: start': 'in grids only',
  'align-self: start': 'in grids only',
  'place-content: start': 'in grids only',
  // The whole rule is ignored.
  ':backdrop': 'gaps-dialog.css draws a cover',
  ':file-selector-button': "a file field has the browser's own button",
  ':focus-visible': 'base.css marks what has the focus by `:focus` there',
  ':has': 'a method of payment keeps the mark of its radio button; facts share a line; an empty cell is not hidden',
  '@container': 'a wide table is scrolled sideways instead of becoming cards',
  'container-type': 'a wide table is scrolled sideways instead of becoming cards',
}

/** @throws Error listing every file and what it uses that the floor lacks */
export function checkFloor(folder: string): void {
  const used = new Set<string>()
  const faults: string[] = []
  for (const file of readdirSync(folder)) {
    const find = file.endsWith('.js') ? gapsOfScript : file.endsWith('.css') ? gapsOfStyles : undefined
    for (const gap of find?.(readFileSync(join(folder, file), 'utf8')) ?? []) {
      used.add(gap)
      if (!(gap in ALLOWED)) faults.push(`${file}: ${gap}`)
    }
  }
  for (const gap of Object.keys(ALLOWED)) if (!used.has(gap)) faults.push(`build/floor/check.ts allows ${gap}: unused`)
  if (faults.length === 0) return
  throw new Error(`not in every browser that apps/web/package.json states:\n  ${faults.join('\n  ')}`)
}
