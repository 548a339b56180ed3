/** However a command ends, nothing that it started keeps running: an interrupted npm, a closed terminal, `kill -9`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { processesIn } from '../harness/processes.ts'
import { freePort, until } from '../harness/system.ts'

const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'xuecheng-stop-'))
afterAll(() => {
  for (const pid of processesIn(folder)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Started {
  readonly child: ChildProcess
  readonly ports: readonly number[]
}

/** Starts it in a new session, like a terminal, and waits until the address answers. */
async function start(command: string, args: readonly string[], answers: 'shop' | 'sandbox'): Promise<Started> {
  const [port, sandboxPort] = await Promise.all([freePort(), freePort()])
  const { PATH, HOME } = process.env
  const settings = {
    DATA_DIR: folder,
    PORT: String(port),
    SANDBOX_PORT: String(sandboxPort),
    METRICS_PORT: 'off',
    WORKERS: '1',
  }
  const child = spawn(command, args, { cwd: ROOT, env: { PATH, HOME, ...settings }, stdio: 'ignore', detached: true })
  const address = `http://127.0.0.1:${answers === 'shop' ? port : sandboxPort}/healthz`
  const status = async () =>
    (await fetch(address, { signal: AbortSignal.timeout(2000) }).catch(() => undefined))?.status
  await until(status, (found) => found === 200, 110_000)
  return { child, ports: answers === 'shop' ? [port, sandboxPort] : [sandboxPort] }
}

async function nothingIsLeft({ ports }: Started): Promise<void> {
  await until(
    async () => processesIn(folder),
    (left) => left.length === 0,
  )
  for (const port of ports) await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
}

/** The descendant process that runs one of our scripts. */
function runs(script: string): number {
  const found = processesIn(folder).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(script))
  if (!found) throw new Error(`Nothing runs ${script}`)
  return found
}

test.each<[string, (pid: number) => boolean]>([
  ['SIGTERM to npm', (npm: number) => process.kill(npm, 'SIGTERM')],
  ['kill -9 of npm', (npm: number) => process.kill(npm, 'SIGKILL')],
  ['a closed terminal', (npm: number) => process.kill(-npm, 'SIGHUP')],
  ['kill -9 of the starter', () => process.kill(runs('scripts/start.mjs'), 'SIGKILL')],
])('npm start, ended by %s', { timeout: 240_000 }, async (_how, end) => {
  const started = await start('npm', ['start'], 'shop')
  end(started.child.pid ?? 0)
  await nothingIsLeft(started)
})

const BIN = join(ROOT, 'apps/shop/bin/xuecheng.mjs')

test.each<[string, (pid: number) => boolean]>([
  ['SIGTERM', (pid: number) => process.kill(pid, 'SIGTERM')],
  ['kill -9', (pid: number) => process.kill(pid, 'SIGKILL')],
  ['kill -9 of the command line behind it', () => process.kill(runs('src/cli.ts'), 'SIGKILL')],
  ['a closed terminal', (pid: number) => process.kill(-pid, 'SIGHUP')],
])('xuecheng sandbox, ended by %s', { timeout: 240_000 }, async (_how, end) => {
  const started = await start(process.execPath, [BIN, 'sandbox'], 'sandbox')
  end(started.child.pid ?? 0)
  await nothingIsLeft(started)
})

test('npx xuecheng sandbox, ended by SIGTERM to npx', { timeout: 240_000 }, async () => {
  const started = await start('npx', ['xuecheng', 'sandbox'], 'sandbox')
  process.kill(started.child.pid ?? 0, 'SIGTERM')
  await nothingIsLeft(started)
})
