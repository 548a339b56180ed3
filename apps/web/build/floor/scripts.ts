/**
 * Syntax and APIs of a built script that the floor lacks. Bundlers keep property names, so calls inside libraries are
 * found as well as our own.
 */
import bcd from '@mdn/browser-compat-data' with { type: 'json' }
import type { Identifier } from '@mdn/browser-compat-data/types'
import { type AnyNode, type Node, parse } from 'acorn'
import { innerOf, isLacking } from './floor.ts'

/** The newest ECMAScript edition that the floor supports completely; the bundler lowers newer syntax. */
const EDITION = 2021
const LOOKBEHIND = /\(\?<[=!]/
const STATIC = '_static'

const { builtins = {} } = bcd.javascript
const { api } = bcd
/** Global instances, with the interface of each. */
const INSTANCES: Record<string, string> = {
  navigator: 'Navigator.prototype',
  document: 'Document.prototype',
  crypto: 'Crypto.prototype',
  history: 'History.prototype',
  location: 'Location.prototype',
  performance: 'Performance.prototype',
}

/** Such as `BroadcastChannel`, `structuredClone`. */
const globals = new Set<string>()
/** Such as `Object.hasOwn`, `URL.canParse`, `Intl.ListFormat`, `Navigator.prototype.locks`. */
const members = new Set<string>()
/** Method names, such as `at` and `showModal`, that no object of the floor has. */
const methods = new Set<string>()
/** `Intl` options, such as `dateStyle`, that the floor does not know. */
const options = new Set<string>()

function collectGaps(): void {
  const known = new Set<string>()
  const note = (places: readonly string[], name: string, feature: Identifier) => {
    if (!isLacking(feature)) known.add(name)
    else if (!feature.__compat?.status?.experimental) {
      for (const place of places) members.add(`${place}.${name}`)
      methods.add(name)
    }
  }
  for (const [owner, feature] of [...innerOf(api), ...innerOf(builtins)]) {
    // For built-ins, MDN's data does not tell static members from those of the prototype.
    const places = owner in builtins ? [owner, `${owner}.prototype`] : [`${owner}.prototype`]
    const isMissing = isLacking(feature)
    if (isMissing) globals.add(owner)
    // If the whole interface is missing, its name is reported already; elements are never constructed by name in
    // scripts.
    if (isMissing && !/^(HTML|SVG)/.test(owner)) continue
    for (const [name, inner] of innerOf(feature)) {
      if ((owner === 'Window' || owner === 'globals') && isLacking(inner)) globals.add(name)
      if (name.endsWith(STATIC)) note([owner], name.slice(0, -STATIC.length), inner)
      else note(places, name, inner)
    }
  }
  for (const [type, feature] of innerOf(builtins['Intl'])) {
    for (const [name, method] of innerOf(feature)) {
      note([`Intl.${type}.prototype`], name, method)
      for (const [option, inner] of innerOf(method['options_parameter'])) {
        const [, word] = /^options_(\w+)_parameter$/.exec(option) ?? []
        if (word && isLacking(inner)) options.add(word)
      }
    }
  }
  for (const name of known) methods.delete(name)
}
collectGaps()

/** What a browser of the floor lacks; tests remove it from a newer browser. */
export const MISSING = { globals: [...globals], members: [...members] } as const

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'

function* nodesIn(node: AnyNode): Generator<{ node: AnyNode; parent: AnyNode }> {
  for (const value of Object.values(node)) {
    for (const inner of Array.isArray(value) ? value : [value]) {
      if (!isNode(inner)) continue
      yield { node: inner, parent: node }
      yield* nodesIn(inner)
    }
  }
}

const nameOf = (node: AnyNode): string | undefined => (node.type === 'Identifier' ? node.name : undefined)

/** The missing feature that a syntax node uses, if any. */
function gapOf(node: AnyNode, parent: AnyNode): string | undefined {
  if (node.type === 'Literal' && LOOKBEHIND.test(node.regex?.pattern ?? String(node.value))) return '(?<=…)'
  if (node.type === 'Property' && parent.type === 'ObjectExpression' && !node.computed) {
    const name = nameOf(node.key)
    return name !== undefined && options.has(name) ? `{ ${name} }` : undefined
  }
  if (node.type === 'MemberExpression' && !node.computed) {
    const name = nameOf(node.property)
    const owner = nameOf(node.object)
    if (name === undefined) return undefined
    if (owner !== undefined && members.has(`${INSTANCES[owner] ?? owner}.${name}`)) return `${owner}.${name}`
    if ((owner === 'window' || owner === 'globalThis' || owner === 'self') && globals.has(name)) return name
    const isCall = parent.type === 'CallExpression' && parent.callee === node
    return isCall && methods.has(name) ? `.${name}()` : undefined
  }
  const name = nameOf(node)
  if (name === undefined || !globals.has(name)) return undefined
  const isName =
    (parent.type === 'MemberExpression' && parent.property === node && !parent.computed) ||
    ((parent.type === 'Property' || parent.type === 'MethodDefinition') && parent.key === node && !parent.computed)
  return isName ? undefined : name
}

/** @returns what the script uses that the floor lacks, each once; or the position of a syntax error */
export function gapsOfScript(code: string): string[] {
  let tree: AnyNode
  try {
    tree = parse(code, { ecmaVersion: EDITION, sourceType: 'module' })
  } catch (error) {
    const { message, pos = 0 } = error as Error & { pos?: number }
    return [`syntax: ${message} at ${JSON.stringify(code.slice(Math.max(0, pos - 30), pos + 30))}`]
  }
  const found = new Set<string>()
  for (const { node, parent } of nodesIn(tree)) {
    const gap = gapOf(node, parent)
    if (gap !== undefined) found.add(gap)
  }
  return [...found].sort()
}
