/** Properties, values, selectors and at-rules of a built stylesheet that the floor lacks and that have no fallback. */
import bcd from '@mdn/browser-compat-data' with { type: 'json' }
import type { Identifier } from '@mdn/browser-compat-data/types'
import { type AtRule, type Declaration, parse, type Rule } from 'postcss'
import { innerOf, isLacking } from './floor.ts'

const { properties = {}, selectors = {}, types = {}, 'at-rules': atRules = {} } = bcd.css
const VIEWPORT_UNITS = { dynamic: 'd', large: 'l', small: 's' }

const functions = new Set<string>()
const units = new Set<string>()

function collectGaps(): void {
  const walk = (features: Identifier | undefined) => {
    for (const [name, feature] of innerOf(features)) {
      if (isLacking(feature)) functions.add(name)
      walk(feature)
    }
  }
  walk(types)
  for (const [name, feature] of innerOf(types['length'])) {
    if (!isLacking(feature)) continue
    const [, kind] = /^viewport_percentage_units_(\w+)$/.exec(name) ?? []
    const letter = VIEWPORT_UNITS[kind as keyof typeof VIEWPORT_UNITS]
    const named = letter ? ['vh', 'vw', 'vi', 'vb', 'vmin', 'vmax'].map((unit) => letter + unit) : [name]
    const all = name === 'container_query_length_units' ? ['cqw', 'cqh', 'cqi', 'cqb', 'cqmin', 'cqmax'] : named
    for (const unit of all) units.add(unit)
  }
}
collectGaps()

/** The missing feature of a declaration: its property, or something in its value. */
function gapOf({ prop, value }: Declaration): string | undefined {
  if (prop.startsWith('-') && !prop.startsWith('--')) return undefined
  const property = properties[prop]
  if (isLacking(property)) return prop
  for (const [, name = ''] of value.matchAll(/([a-z][a-z-]*)\(/g)) if (functions.has(name)) return `${name}()`
  for (const [, unit = ''] of value.matchAll(/\d([a-z]+)\b/g)) if (units.has(unit)) return unit
  const words = value.replace(/\([^()]*\)/g, '').match(/[a-z][a-z-]*/g) ?? []
  for (const word of words) if (isLacking(property?.[word])) return `${prop}: ${word}`
  return undefined
}

const isInSupports = ({ parent }: Rule): boolean => parent?.type === 'atrule' && (parent as AtRule).name === 'supports'

/** An earlier declaration in the same rule uses a value that the floor supports. */
const hasFallback = (line: Declaration): boolean => {
  for (let before = line.prev(); before; before = before.prev()) {
    if (before.type === 'decl' && before.prop === line.prop && gapOf(before) === undefined) return true
  }
  return line.parent?.some((other) => other.type === 'decl' && other.prop === `-webkit-${line.prop}`) ?? false
}

const isFlex = (rule: Rule): boolean =>
  rule.some((line) => line.type === 'decl' && line.prop === 'display' && /flex/.test(line.value))

/** @returns what the stylesheet uses that the floor lacks, each once */
export function gapsOfStyles(css: string): string[] {
  const root = parse(css)
  const found = new Set<string>()
  /** Selectors for which margins replace flexbox gaps; see `fallbacks.ts`. */
  const spaced = new Set<string>()
  root.walkAtRules('supports', (rule) => {
    rule.walkRules((inner) => {
      for (const selector of inner.selectors) spaced.add(selector.replace(/\s*>\s*\*(\s*\+\s*\*)?$/, ''))
    })
  })
  root.walkAtRules(({ name }) => {
    if (isLacking(atRules[name])) found.add(`@${name}`)
  })
  root.walkRules((rule) => {
    if (isInSupports(rule)) return
    for (const [, name = ''] of rule.selector.matchAll(/::?([a-z][a-z-]*)/g)) {
      if (isLacking(selectors[name])) found.add(`:${name}`)
    }
    rule.each((line) => {
      if (line.type !== 'decl') return
      const gap = gapOf(line)
      if (gap !== undefined && !hasFallback(line)) found.add(gap)
      if (/^(column-|row-)?gap$/.test(line.prop) && line.value !== '0' && isFlex(rule)) {
        for (const selector of rule.selectors) if (!spaced.has(selector)) found.add(`gap of flex: ${selector}`)
      }
    })
  })
  return [...found].sort()
}
