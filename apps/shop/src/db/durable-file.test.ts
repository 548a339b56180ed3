import fs, {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { writeDurably } from './durable-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-durable-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
})

const written = (text: string) => [Readable.from([text]), new PassThrough()]

test('the file is flushed before it is renamed, and the folder afterwards', async () => {
  const file = join(folder, 'a')
  const done: string[] = []
  const flush = fs.fsync
  vi.spyOn(fs, 'fsync').mockImplementation((opened, callback) => {
    done.push(fs.fstatSync(opened).isFile() ? `flush ${fs.readFileSync(`${file}.partial`, 'utf8')}` : 'flush folder')
    flush(opened, callback)
  })
  const rename = fs.renameSync
  vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    done.push('rename')
    rename(from, to)
  })
  const probe = await fs.promises.open(folder, 'r')
  const handle = Object.getPrototypeOf(probe) as { sync: () => Promise<void> }
  await probe.close()
  vi.spyOn(handle, 'sync').mockImplementation(async () => {
    done.push('flush folder')
  })
  syncBuiltinESMExports()
  await writeDurably(file, written('all of it'))
  expect(done).toEqual(['flush all of it', 'rename', 'flush folder'])
  expect(readFileSync(file, 'utf8')).toBe('all of it')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a failure leaves nothing behind, and an existing file at the temporary name is never written to', async () => {
  const victim = join(folder, 'victim')
  writeFileSync(victim, 'mine')
  symlinkSync(victim, join(folder, 'b.partial'))
  async function* broken() {
    yield 'half'
    throw new Error('the database went away')
  }
  const failing = [Readable.from(broken()), new PassThrough()]
  await expect(writeDurably(join(folder, 'b'), failing)).rejects.toThrow('the database went away')
  expect(readdirSync(folder).filter((name) => name.startsWith('b'))).toEqual([])
  expect(existsSync(victim) && readFileSync(victim, 'utf8')).toBe('mine')
})
