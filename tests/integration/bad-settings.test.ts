/** A wrong setting stops the start at once, in one line that names it, before anything was started. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../harness/system.ts'

const MAIN = join(import.meta.dirname, '../../apps/shop/src/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'xuecheng-bad-'))
const neighbour = createServer()
let ports: { free: number; taken: number }

beforeAll(async () => {
  ports = { free: await freePort(), taken: await freePort() }
  await new Promise<void>((done) => neighbour.listen(ports.taken, '127.0.0.1', done))
})
afterAll(() => {
  neighbour.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(environment: Record<string, string>, user?: number): Promise<{ code: number | null; output: string }> {
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const env = { PATH: process.env['PATH'], DATA_DIR: folder, PORT: String(ports.free), SANDBOX_PORT: '0' }
  const child = spawn(process.execPath, [...flags, MAIN], {
    cwd: tmpdir(),
    env: { ...env, ...environment },
    ...(user !== undefined && { uid: user, gid: user }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((done) => child.once('close', (code) => done({ code, output })))
}

const CASES: [string, () => Record<string, string>][] = [
  ['ALIPAY_APP_ID', () => ({ ALIPAY_SELLER_ID: '2088621959339670' })],
  ['WECHATPAY_H5', () => ({ WECHATPAY_H5: 'maybe' })],
  ['PORT', () => ({ PORT: String(ports.taken) })],
  ['SANDBOX_PORT', () => ({ SANDBOX_PORT: String(ports.taken) })],
  ['SANDBOX_PORT', () => ({ SANDBOX_PORT: String(ports.free) })],
  ['METRICS_PORT', () => ({ METRICS_PORT: String(ports.taken) })],
  ['METRICS_HOST', () => ({ METRICS_HOST: 'nowhere.invalid' })],
  ['HOST', () => ({ HOST: 'nowhere.invalid' })],
  ['DATABASE_URL', () => ({ DATABASE_URL: 'postgres://shop:hunter2@127.0.0.1:9/shop' })],
  ['DATA_DIR', () => ({ DATA_DIR: MAIN })],
]

test.each(CASES)('%s', async (name, environment) => {
  const { code, output } = await start(environment())
  expect(output).toMatch(new RegExp(`^${name}: [^\\n]+ Example: ${name}=[^\\n]+\\n$`))
  expect(output).not.toContain('hunter2')
  expect(code).toBe(1)
  expect(existsSync(join(folder, 'postgres'))).toBe(false)
})

/** Run as root, the shop is started as an ordinary user; otherwise a folder is made unreadable for ourselves. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined

test.each([
  ['the folder itself', '.', 0o555],
  ['a folder below it', 'uploads', 0o555],
  ['a key that another user wrote', 'keys/auth-secret', 0o000],
])(
  'a mounted DATA_DIR of another owner is said in one line that names what to do: %s',
  async (_which, closed, mode) => {
    const data = mkdtempSync(join(tmpdir(), 'xuecheng-mounted-'))
    try {
      for (const name of ['uploads', 'keys']) mkdirSync(join(data, name), { mode: 0o777 })
      writeFileSync(join(data, 'keys/auth-secret'), 'made at run time')
      for (const name of ['.', 'uploads', 'keys']) chmodSync(join(data, name), 0o777)
      chmodSync(join(data, closed), mode)
      const { code, output } = await start({ DATA_DIR: data }, NOBODY)
      expect(output).toMatch(/^DATA_DIR: the shop runs as user \d+ and may not use [^\n]+ chown -R \d+:\d+ [^\n]+\n$/)
      expect(output).toContain(`${join(data, closed)}, which belongs to user ${process.getuid?.()};`)
      expect(code).toBe(1)
      expect(existsSync(join(data, 'postgres'))).toBe(false)
    } finally {
      rmSync(data, { recursive: true, force: true })
    }
  },
)
