/** What one child process does: answer requests, or work through the jobs. It ends when its parent does. */
import type { Config } from './config.ts'
import type { Limits } from './database/connect.ts'
import { createLog } from './log.ts'
import { openShop, type Shop } from './shop.ts'

const STOP_LIMIT_MS = 10_000

/** Somebody waits for the answer; a gateway that notifies does so for ten seconds. */
const ANSWERING: Limits = { statement: 8000, answer: 9000, connection: 8000 }
const WORKING: Limits = { statement: 30_000, answer: 35_000, connection: 10_000 }

export async function runRole(config: Config, role: string): Promise<void> {
  const run = role === 'web' ? await webServer(config) : await jobRunner()
  const url = await databaseFromParent()
  const log = createLog(config.logLevel, role)
  // While no database server takes writes, pages can still be read; a job without writes is none.
  const shop =
    role === 'web'
      ? openShop(config, url, log, 12, 'readable', ANSWERING)
      : openShop(config, url, log, 6, 'primary', WORKING)
  const stop = await run(shop)
  endWithParent(async () => {
    await stop()
    await shop.close()
  })
  process.send?.({ type: 'ready' })
}

/** Begins the role's work; what it gives back ends it. */
type Run = (shop: Shop) => Promise<() => Promise<unknown>>

/** Loads the code of a web server, and nothing of the jobs. */
async function webServer(config: Config): Promise<Run> {
  const [{ createServer }, { openDoors }] = await Promise.all([import('./server.ts'), import('./http/doors.ts')])
  return async (shop) => {
    const app = await createServer(shop)
    await openDoors(app, config)
    return () => app.close()
  }
}

/** Loads the code of the jobs, and nothing of a web server. */
async function jobRunner(): Promise<Run> {
  const { startJobs } = await import('./jobs.ts')
  return async (shop) => {
    await shop.settings.refresh()
    const stopKeepingUp = shop.settings.keepUp()
    const queue = await startJobs(shop)
    return async () => {
      stopKeepingUp()
      await queue.stop()
    }
  }
}

/** The parent says where the database is, once that is ready and this process listens: what it says before may be lost. */
function databaseFromParent(): Promise<string> {
  return new Promise((done) => {
    const hear = (message: unknown) => {
      if (!isBegin(message)) return
      process.off('message', hear)
      process.off('disconnect', leave)
      done(message.databaseUrl)
    }
    const leave = () => process.exit(0)
    process.on('message', hear)
    process.on('disconnect', leave)
    process.on('SIGINT', () => {})
    process.send?.({ type: 'begin?' })
  })
}

const isBegin = (message: unknown): message is { databaseUrl: string } =>
  typeof message === 'object' && message !== null && 'databaseUrl' in message && typeof message.databaseUrl === 'string'

/** Ctrl-C reaches the whole process group; a child leaves the order of stopping to its parent. */
function endWithParent(stop: () => Promise<void>): void {
  let stopping = false
  const end = async () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
    await stop().catch(() => {})
    process.exit(0)
  }
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})
  process.on('SIGTERM', end)
  process.on('disconnect', end)
  process.on('message', (message) => {
    if (message === 'stop') void end()
  })
}
