/**
 * PostCSS plugin that adds fallbacks for what the floor lacks, where they can be derived from the declaration: `vh`
 * before `dvh`, `word-break` for `overflow-wrap: anywhere`, and margins for flexbox gaps.
 */
import { AtRule, type Container, Declaration, type Plugin, Rule } from 'postcss'

/** Safari added `inset` and flexbox gaps in the same version (14.1); `@supports` cannot test for flexbox gaps. */
const NO_FLEX_GAP = 'not (inset: 0)'
const NO_ANYWHERE = 'not (overflow-wrap: anywhere)'

interface Flex {
  readonly column: boolean
  readonly wraps: boolean
}

const saidOf = (rule: Rule, name: string): string | undefined => {
  let value: string | undefined
  rule.each((line) => {
    if (line.type === 'decl' && line.prop === name) value = line.value
  })
  return value
}

/** The selectors that are flex containers, as far as this stylesheet shows. */
function flexesOf(root: Container): Map<string, Flex> {
  const found = new Map<string, Flex>()
  root.walkRules((rule) => {
    const isNew = /^(inline-)?flex$/.test(saidOf(rule, 'display') ?? '')
    for (const selector of rule.selectors) {
      const before = found.get(selector)
      if (!before && !isNew) continue
      const [direction, wrap] = [saidOf(rule, 'flex-direction'), saidOf(rule, 'flex-wrap')]
      found.set(selector, {
        column: direction === undefined ? (before?.column ?? false) : direction === 'column',
        wraps: wrap === undefined ? (before?.wraps ?? false) : wrap === 'wrap',
      })
    }
  })
  return found
}

/** The row and column gaps that a rule sets; undefined if it sets none. */
function distances(rule: Rule): { row: string; column: string } | undefined {
  const [both, onlyRow, onlyColumn] = [saidOf(rule, 'gap'), saidOf(rule, 'row-gap'), saidOf(rule, 'column-gap')]
  const [row = '0', column = row] = both?.match(/[\w.]+\([^)]*\)|\S+/g) ?? []
  if (both === undefined && onlyRow === undefined && onlyColumn === undefined) return undefined
  return { row: onlyRow ?? row, column: onlyColumn ?? column }
}

function margins({ column, wraps }: Flex, gap: { row: string; column: string }) {
  if (column) return { items: '> * + *', lines: { 'margin-top': gap.row } }
  if (wraps) return { items: '> *', lines: { 'margin-right': gap.column, 'margin-bottom': gap.row } }
  return { items: '> * + *', lines: { 'margin-left': gap.column } }
}

/** A new rule with the source position of another. */
function ruleLike({ source }: Rule, selector: string, lines: Record<string, string>): Rule {
  const at = source ? { source } : {}
  const nodes = Object.entries(lines).map(([prop, value]) => new Declaration({ prop, value, ...at }))
  return new Rule({ selector, nodes, ...at })
}

/** Margins that replace the rule's gap, for those of its selectors that are flex containers. */
function spacing(rule: Rule, flexes: Map<string, Flex>): Rule[] {
  const gap = distances(rule)
  if (!gap) return []
  return rule.selectors.flatMap((selector) => {
    const flex = flexes.get(selector)
    if (!flex) return []
    const { items, lines } = margins(flex, gap)
    return [ruleLike(rule, `${selector} ${items}`, lines)]
  })
}

/** The same selectors with `word-break: break-word`, or with its reset. */
function breaking(rule: Rule): Rule[] {
  const value = { anywhere: 'break-word', normal: 'normal' }[saidOf(rule, 'overflow-wrap') ?? '']
  return value ? [ruleLike(rule, rule.selector, { 'word-break': value })] : []
}

export const floorFallbacks: Plugin = {
  postcssPlugin: 'floor-fallbacks',
  OnceExit(root) {
    root.walkDecls((line) => {
      if (/\ddvh\b/.test(line.value)) line.cloneBefore({ value: line.value.replace(/(\d)dvh\b/g, '$1vh') })
    })
    const flexes = flexesOf(root)
    const rules: Rule[] = []
    root.walkRules((rule) => void rules.push(rule))
    for (const rule of rules) {
      for (const [params, nodes] of [
        [NO_FLEX_GAP, spacing(rule, flexes)],
        [NO_ANYWHERE, breaking(rule)],
      ] as const) {
        if (nodes.length === 0) continue
        rule.after(new AtRule({ name: 'supports', params, nodes, ...(rule.source && { source: rule.source }) }))
      }
    }
  },
}
