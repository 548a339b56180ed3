/** The layout of the house: floors, circles, rooms, files that nothing needs, functions that are too long. */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import longFunctions from './long-functions.json' with { type: 'json' }
import { circlesOf, readSources } from './sources.ts'

const ROOT = join(import.meta.dirname, '../..')
const shop = readSources('apps/shop/src')
const packages = readSources('packages')
const pages = readSources('apps/web/admin', 'apps/web/storefront', 'apps/web/src', 'apps/web/build')
const tools = readSources('prove', 'bench', 'tests')

/** From the ground up; each folder imports from its own floor and from those below. */
const FLOORS = [
  ['db', 'http', 'jobs'],
  ['accounts', 'admin', 'auth', 'staff'],
  ['catalog', 'settings'],
  ['enrolments', 'orders'],
  ['payments'],
  ['reconciliation'],
  ['back-office', 'health'],
  ['process', 'cli'],
] as const

/** Files beside the folders are domain words, below all floors; the two that start a program are above all. */
const STARTS = ['main.ts', 'cli.ts']

const floorOf = (path: string): number => {
  const [folder = '', ...rest] = path.replace('apps/shop/src/', '').split('/')
  if (rest.length === 0) return STARTS.includes(folder) ? FLOORS.length : -1
  if (['fault-points', 'text'].includes(folder)) return -1
  const floor = FLOORS.findIndex((folders) => (folders as readonly string[]).includes(folder))
  if (floor === -1) throw new Error(`${folder} is on no floor: give it one`)
  return floor
}

test('each floor imports only from below', () => {
  const up = shop.flatMap(({ path, imports }) =>
    imports
      .filter((to) => to.startsWith('apps/shop/src/') && floorOf(to) > floorOf(path))
      .map((to) => `${path} → ${to}`),
  )
  expect(up).toEqual([])
})

test('what decides about money talks to no gateway', () => {
  const rooms = /payments\/(attempts|refunds|settlement)\/(?!routes)/
  const talks = /payments\/(gateway-sync|providers)\//
  expect(
    shop
      .filter(({ path, imports }) => rooms.test(path) && imports.some((to) => talks.test(to)))
      .map(({ path }) => path),
  ).toEqual([])
})

test.each([
  ['the shop', shop],
  ['the packages', packages],
  ['the pages', pages],
  ['tests, proof and bench', tools],
])('no circle of imports in %s, types included', (_, sources) => {
  expect(circlesOf(sources)).toEqual([])
})

/** What Node, Vite or a script starts, and what `package.json` names. */
const ENTRIES =
  /(\/index|\/main|prove\/(failover|mutations)|harness\/(embedded-once|shared\/setup)|browser\/shared(-process)?|\/cli|print-\w+|fault-points\/\w+|proof-worker|hostile-sockets|build\/[\w-]+|build\/floor\/(check|fallbacks))\.ts$|screenshots\.ts$/

test('no file that nothing imports', () => {
  const all = [...shop, ...packages, ...pages, ...tools]
  const tests = ['apps', 'packages', 'tests'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
      .map((file) => join(folder, file)),
  )
  const imported = new Set([...all.flatMap(({ imports }) => imports), ...testImports(tests)])
  const unused = all.filter(({ path }) => path.endsWith('.ts') && !imported.has(path) && !ENTRIES.test(path))
  expect(unused.map(({ path }) => path)).toEqual([])
})

function testImports(tests: readonly string[]): string[] {
  return tests.flatMap((path) => {
    const text = ts.sys.readFile(join(ROOT, path)) ?? ''
    return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, to]) => join(dirname(path), to ?? ''))
  })
}

/** The clients, one file a verb, and the two programs. */
const FLAT = ['packages/alipay/src', 'packages/wechatpay/src', 'prove', 'bench']

test('a folder of more than fifteen files has rooms', () => {
  const count = new Map<string, number>()
  for (const { path } of [...shop, ...packages, ...pages, ...tools]) {
    count.set(dirname(path), (count.get(dirname(path)) ?? 0) + 1)
  }
  const full = [...count].filter(([folder, files]) => files > 15 && !FLAT.includes(folder))
  expect(full).toEqual([])
})

const LONGEST = 70

test('no function over seventy lines, but those that are still to be split', () => {
  const found = [...shop, ...packages, ...pages, ...tools].flatMap(({ path, text }) => longIn(path, text)).sort()
  expect(found).toEqual(longFunctions)
})

function longIn(path: string, text: string): string[] {
  const script = path.endsWith('.vue') ? (/<script[^>]*>([\s\S]*?)<\/script>/.exec(text)?.[1] ?? '') : text
  const source = ts.createSourceFile(path, script, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line
  const visit = (node: ts.Node): void => {
    const body = ts.isFunctionLike(node) && 'body' in node ? (node.body as ts.Node | undefined) : undefined
    if (body && ts.isBlock(body) && lineOf(body.end) - lineOf(body.getStart()) - 1 > LONGEST) {
      const named = [node, node.parent].find((each) => 'name' in each && each.name) as ts.NamedDeclaration | undefined
      found.push(`${path}: ${named?.name?.getText() ?? 'a function without a name'}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}
