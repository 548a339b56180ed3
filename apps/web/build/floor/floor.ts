/** The oldest supported browsers (the "floor"), as package.json lists them, and the features they lack. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CompatStatement, Identifier, SimpleSupportStatement } from '@mdn/browser-compat-data/types'

/** The names of the same browser in package.json, MDN's data and Vite. */
const NAMES = {
  ios_saf: { mdn: 'safari_ios', vite: 'ios' },
  safari: { mdn: 'safari', vite: 'safari' },
  chrome: { mdn: 'chrome', vite: 'chrome' },
} as const

interface Browser {
  readonly mdn: (typeof NAMES)[keyof typeof NAMES]['mdn']
  readonly vite: string
  readonly version: readonly number[]
}

const numbers = (version: string): number[] => version.replace('≤', '').split('.').map(Number)

function readFloor(): Browser[] {
  const file = join(import.meta.dirname, '../../package.json')
  const { browserslist } = JSON.parse(readFileSync(file, 'utf8')) as { browserslist: string[] }
  return browserslist.map((line) => {
    const [, name, version] = /^(\w+) >= ([\d.]+)$/.exec(line) ?? []
    const names = NAMES[name as keyof typeof NAMES]
    if (!names || version === undefined) throw new Error(`package.json, browserslist: "${line}" is not understood`)
    return { ...names, version: numbers(version) }
  })
}

export const FLOOR: readonly Browser[] = readFloor()

/** For Vite's `build.target`: `ios14.0`, `chrome87`. */
export const TARGETS: string[] = FLOOR.map(({ vite, version }) => `${vite}${version.join('.')}`)

const isAfter = (version: readonly number[], floor: readonly number[]): boolean => {
  const at = version.findIndex((part, index) => part !== (floor[index] ?? 0))
  return at >= 0 && (version[at] ?? 0) > (floor[at] ?? 0)
}

function supports({ mdn, version }: Browser, statement: CompatStatement): boolean {
  const entries = [statement.support[mdn] ?? []].flat() as SimpleSupportStatement[]
  return entries.some(
    ({ version_added: added, version_removed: removed, flags, prefix, alternative_name: otherName }) =>
      typeof added === 'string' &&
      added !== 'preview' &&
      !flags &&
      prefix === undefined &&
      otherName === undefined &&
      !isAfter(numbers(added), version) &&
      !(typeof removed === 'string' && !isAfter(numbers(removed), version)),
  )
}

/** Whether a browser of the floor lacks a feature of MDN's data; false if the data does not contain it. */
export const isLacking = (feature: Identifier | undefined): boolean => {
  const statement = feature?.__compat
  return statement !== undefined && FLOOR.some((browser) => !supports(browser, statement))
}

/** The features listed inside a feature, or at the top level. */
export const innerOf = (feature: Record<string, unknown> | undefined): [string, Identifier][] =>
  Object.entries(feature ?? {}).filter((entry): entry is [string, Identifier] => entry[0] !== '__compat')
