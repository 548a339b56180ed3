/**
 * Data folders that begin where a first start has made its database and run its migrations. A copy takes a tenth of a second, the
 * work itself one and a half; what a first start does is tested where a test names its own, empty folder.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../apps/shop/src/db/embedded/server.ts'
import { migrate } from '../../apps/shop/src/db/migrate.ts'

const ROOT = join(import.meta.dirname, '../..')
const DATABASE_CODE = join(ROOT, 'apps/shop/src/db')
const DAY_MS = 86_400_000
/** A test survives a killed server without them; nothing of it has to survive the end of the machine. */
const NO_FLUSHES = 'fsync = off\nfull_page_writes = off\n'
const RECURSIVELY = { recursive: true, force: true }
const KEPT = join(ROOT, 'node_modules/.cache/test-data')

/** Fills an empty data folder. */
export async function fillFromTemplate(folder: string): Promise<void> {
  const template = join(KEPT, key())
  if (!existsSync(template)) await makeTemplate(template)
  execFileSync('cp', ['-a', join(template, 'postgres'), folder])
}

/** What the template is made from: the code, the packages, the account that owns it, and the day, from which months are made ahead. */
function key(): string {
  const sum = createHash('sha256').update(`${process.getuid?.()} ${new Date().toISOString().slice(0, 10)}`)
  const code = readdirSync(DATABASE_CODE, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|sql)$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => `apps/shop/src/db/${name}`)
  for (const file of [...code.sort(), 'package-lock.json', 'tests/harness/data-template.ts'])
    sum.update(file).update(readFileSync(join(ROOT, file)))
  return sum.digest('hex').slice(0, 16)
}

/** Made beside its place and renamed: several test files may do so at once, and the first one counts. */
async function makeTemplate(template: string): Promise<void> {
  mkdirSync(KEPT, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(KEPT)) {
    if (Date.now() - statSync(join(KEPT, name)).mtimeMs > DAY_MS) rmSync(join(KEPT, name), RECURSIVELY)
  }
  const draft = mkdtempSync(join(KEPT, 'new-'))
  try {
    const server = await startEmbeddedPostgres(join(draft, 'postgres'))
    try {
      await migrate(server.ownerUrl)
    } finally {
      await server.stop()
    }
    appendFileSync(join(draft, 'postgres/cluster/postgresql.conf'), NO_FLUSHES)
    renameSync(draft, template)
  } catch (error) {
    if (!existsSync(template)) throw error
  } finally {
    rmSync(draft, RECURSIVELY)
  }
}
