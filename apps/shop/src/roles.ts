/** What one child process does: answer requests, or work through the jobs. It ends when its parent does. */
import type { Config } from './config.ts'
import type { Limits } from './database/connect.ts'
import { openDoors } from './http/doors.ts'
import { startJobs } from './jobs.ts'
import { createLog } from './log.ts'
import { createServer } from './server.ts'
import { openShop } from './shop.ts'

const STOP_LIMIT_MS = 10_000

/** Somebody waits for the answer; a gateway that notifies does so for ten seconds. */
const ANSWERING: Limits = { statement: 8000, answer: 9000, connection: 8000 }
const WORKING: Limits = { statement: 30_000, answer: 35_000, connection: 10_000 }

export async function runRole(config: Config, role: string): Promise<void> {
  const url = await databaseFromParent()
  const log = createLog(config.logLevel, role)
  // While no database server takes writes, pages can still be read; a job without writes is none.
  const shop =
    role === 'web'
      ? openShop(config, url, log, 12, 'readable', ANSWERING)
      : openShop(config, url, log, 6, 'primary', WORKING)
  const stop = role === 'web' ? await serve() : await work()
  endWithParent(async () => {
    await stop()
    await shop.close()
  })
  process.send?.({ type: 'ready' })

  async function serve() {
    const app = await createServer(shop)
    await openDoors(app, config)
    return () => app.close()
  }
  async function work() {
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
