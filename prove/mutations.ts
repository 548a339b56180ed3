/**
 * `npm run prove -- mutations`: breaks each guard on purpose, one at a time in a copy of the sources, and runs a short
 * proof. A guard whose loss the proof does not notice is a hole in the proof. Exit code 1 if one is not caught.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { breakGuard, MUTATIONS, type Mutation } from './guards.ts'
import type { Report } from './prove.ts'

const ROOT = join(import.meta.dirname, '..')
const COPIED = [
  'apps/shop',
  'apps/web/dist',
  'packages',
  'prove',
  'tests',
  'package.json',
  'package-lock.json',
  'vitest.config.ts',
]
/** In memory if possible: data of killed processes stays there, and many runs would share one disk. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const SEEDS = [1, 2, 3]
const RUN_LIMIT_MS = 8 * 60_000
const UNCHANGED: Mutation = { guard: '(nothing broken)', file: 'package.json', marker: '', to: String }

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '150' },
    only: { type: 'string' },
    'at-once': { type: 'string', default: '2' },
  },
})

/** What noticed the mutation; '' if nothing did. */
interface Result {
  readonly guard: string
  readonly file: string
  readonly caughtBy: string
}

const queue = [...MUTATIONS, UNCHANGED].filter(({ guard }) => values.only === undefined || guard.includes(values.only))
const results: Result[] = []
await Promise.all(
  Array.from({ length: Number(values['at-once']) }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const caughtBy = await tryOut(next)
      results.push({ guard: next.guard, file: next.file, caughtBy })
      console.log(
        `| ${next.guard} | \`${next.file.replace('apps/shop/src/', '')}\` | ${caughtBy || '**not caught**'} |`,
      )
    }
  }),
)
const wrong = results.filter(({ guard, caughtBy }) => (guard === UNCHANGED.guard) === (caughtBy !== ''))
console.log(`\n${results.length - wrong.length} of ${results.length} as expected`)
process.exit(wrong.length === 0 ? 0 : 1)

/** Which invariants the proof found broken; '' if none, with any of the seeds. */
async function tryOut(mutation: Mutation): Promise<string> {
  const folder = mkdtempSync(join(PLACE, 'xuecheng-mutation-'))
  try {
    copySources(folder)
    mutate(folder, mutation)
    if (mutation.noticedBy) return await test(folder, `tests/model/${mutation.noticedBy}.test.ts`)
    for (const seed of SEEDS) {
      const report = await prove(folder, seed)
      if (!report) throw new Error(`${mutation.guard}: the run with seed ${seed} did not finish`)
      const broken = report.verdicts.filter((verdict) => verdict.broken.length > 0)
      if (broken.length > 0)
        return broken.map(({ invariant, broken: rows }) => `${invariant} (${rows.length})`).join('; ')
    }
    return ''
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function mutate(folder: string, { also, ...first }: Mutation): void {
  if (first.marker === '') return
  for (const edit of also ? [first, also] : [first]) {
    const path = join(folder, edit.file)
    writeFileSync(path, breakGuard(readFileSync(path, 'utf8'), edit))
  }
}

function copySources(folder: string): void {
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: notInstalled })
  // This repository's packages resolve to the copy, everything else to the installed packages.
  const modules = join(folder, 'node_modules')
  cpSync(join(ROOT, 'node_modules/@xuecheng'), join(modules, '@xuecheng'), { recursive: true, verbatimSymlinks: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@xuecheng') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
}

function notInstalled(path: string): boolean {
  return !path.endsWith('/node_modules')
}

/** How many tests of the file failed; '' if none. */
function test(folder: string, file: string): Promise<string> {
  const result = join(folder, 'tests.json')
  const report = ['--reporter', 'json', '--outputFile', result]
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'system', ...report, file]
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: folder },
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
  return new Promise((done, failed) => {
    child.once('close', () => {
      clearTimeout(limit)
      if (!existsSync(result)) return failed(new Error(`${file} did not finish.`))
      const told = JSON.parse(readFileSync(result, 'utf8')) as Record<string, number>
      const { numFailedTests = 0, numPassedTests = 0, numTotalTests } = told
      // A file that cannot even start notices nothing.
      if (numFailedTests + numPassedTests === 0) return failed(new Error(`${file} ran no test.`))
      done(numFailedTests === 0 ? '' : `\`${file}\` (${numFailedTests} of ${numTotalTests} tests)`)
    })
  })
}

function prove(folder: string, seed: number): Promise<Report | undefined> {
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const amount = ['--orders', values.orders, '--buyers', '24', '--settle-seconds', '60']
  const args = [join(folder, 'prove/main.ts'), ...amount, '--seed', String(seed), '--json', '--quiet']
  const child = spawn(process.execPath, [...flags, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TMPDIR: folder },
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((done) => {
    child.once('close', () => {
      clearTimeout(limit)
      try {
        done(JSON.parse(output.slice(output.indexOf('{'))) as Report)
      } catch {
        done(undefined)
      }
    })
  })
}
