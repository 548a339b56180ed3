/**
 * Words that the project once used in a sense of its own, or to make a riddle of a plain sentence, stay out of code,
 * comments, test titles and English docs. The right column is what a colleague would write.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

interface Rule {
  /** Matched without regard to case; `someName` and `SOME_NAME` count as `some name`. */
  readonly refused: RegExp
  readonly instead: string
  /** Only these paths are searched. */
  readonly only?: RegExp
  /** Paths where the word has its ordinary meaning. */
  readonly except?: RegExp
}

/** Reads sentences that earlier versions stored. */
const STORED_BEFORE = /orders\/reasons\.test\.ts$/

const RULES: readonly Rule[] = [
  { refused: /\bwhoever\b|\bwhosoever\b/, instead: 'name the person: the buyer, staff, the caller' },
  { refused: /\bwhichever\b/, instead: 'any of, no matter which' },
  { refused: /\b(goes|go) on by itself\b/, instead: 'continues, the shop keeps trying' },
  {
    refused: /\bwhatever (is|was|are|were|comes?|changes?|asks?|takes?|does|did|has|had|needs?|looks?|calls?|runs?)\b/,
    instead: 'name the thing: every statement that changes an order',
  },
  { refused: /\bnobody'?s\b/, instead: 'unmatched, without an owner' },
  { refused: /\b(make|makes|made|making) good\b/, instead: 'resend a missing refund' },
  {
    refused: /\b(is|are|was|were|be|been|being) told\b(?! (apart|from))/,
    instead: 'learns, is notified, the page says',
  },
  {
    refused: /\b(stands?|stood) (in|on|at|there|here|beside|above|below)\b(?! (front|line))/,
    instead: 'is, is kept in',
  },
  { refused: /\bover there\b/, instead: 'at the gateway', except: STORED_BEFORE },
  { refused: /\bby and by\b|\bnought\b|\bunsaid\b/, instead: 'gradually; zero; not translated' },
  { refused: /\bdesks?\b/, instead: 'admin (the kit), back office (the pages)' },
  { refused: /\bdeeds?\b/, instead: 'audit entry' },
  { refused: /\bbones\b/, instead: 'skeleton' },
  { refused: /\bdoors\b/, instead: 'listeners' },
  { refused: /\badmissions?\b|\burgency\b|\bkept answers?\b/, instead: 'load shedding, priority, response cache' },
  { refused: /\bheld up\b/, instead: 'lock conflict, blocked' },
  { refused: /\bstrays\b/, instead: 'misplaced rows', except: /(db\/partitions|health\/checks)\.ts$/ }, // a column of a SQL function
  { refused: /\bannounc\w*/, instead: 'publish', only: /^apps\/shop\/src\/(?!auth\/limits)/ },
  { refused: /\bhanging\b/, instead: 'circuit breaker; a gateway that does not answer' },
  { refused: /\bexamined?\(/, instead: 'check' },
  { refused: /\bask due\b|\bset[- ]aside\b/, instead: 'poll; record as unmatched', except: STORED_BEFORE },
  { refused: /\bjudg(e|ed|es|ing)\b/, instead: 'validate, check' },
  { refused: /\bforeign refunds?\b|\bunsigned allowance\b/, instead: 'external refund, unverified quota' },
  { refused: /\border moved?\b/, instead: 'updateOrder, historyEntry' },
  { refused: /\bviewers?\b/, instead: 'principal', only: /^apps\/shop\/src/ },
  {
    refused: /\bpayers?\b/,
    instead: 'client, buyer',
    only: /^apps\/shop\/src\/(?!payments\/(providers\/wechat|trials))/,
  },
  { refused: /\bdress page\b/, instead: 'inject metadata' },
  { refused: /\b(MOST|LEAST)_/, instead: 'MAX_, MIN_', only: /\.(ts|vue|mjs)$/ },
  { refused: /\b(plays|crowds?|clerks?)\b/, instead: 'scenarios, load, operator', only: /^(prove|bench|tests)\// },
  { refused: /\bask again after\b|\bcome again\b/, instead: 'retry' },
]

const FOLDERS = ['apps', 'packages', 'tests', 'prove', 'bench', 'scripts', 'docs', 'deploy']
const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md']
/** Written by a program, in Chinese, course content, or this list itself. SQL stays as it was run. */
const SKIPPED =
  /node_modules|\/dist\/|\.generated\.|CHANGELOG|zh-CN|shop\/demo\/|house\/language\.test\.ts$|docs\/test-names\.md$/

const files = [
  ...PAGES,
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|vue|mjs|css|html|md|sh|yaml|conf)$/.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  ),
].filter((path) => !SKIPPED.test(path))

/** The line as written, and with the words of its names apart. */
const wordsOf = (line: string): string =>
  `${line}\n${line.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ')}`.toLowerCase()

function refusedIn(path: string, text: string): string[] {
  const rules = RULES.filter(({ only, except }) => (only?.test(path) ?? true) && !except?.test(path))
  return text.split('\n').flatMap((line, at) => {
    const words = wordsOf(line)
    return rules.flatMap(({ refused, instead }) => {
      const [found] = new RegExp(refused.source, 'i').exec(words) ?? []
      return found === undefined ? [] : [`${path}:${at + 1}: "${found}" (${instead})`]
    })
  })
}

test('no word of a dialect of our own', () => {
  expect(files.length).toBeGreaterThan(900)
  const found = files.flatMap((path) => refusedIn(path, readFileSync(join(ROOT, path), 'utf8')))
  expect(found).toEqual([])
})

test.each([
  ['the order stands in the books', 'stands in'],
  ['const useDesk = 1', 'desk'],
  ['const MOST_LINES = 3', 'most_'],
  ['whoever asks', 'whoever'],
])('it refuses: %s', (line, word) => {
  expect(refusedIn('apps/shop/src/example.ts', line)[0]).toContain(`"${word}"`)
})
