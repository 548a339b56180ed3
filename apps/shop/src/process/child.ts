/** A child process: answers requests or runs jobs, and ends when its parent does. */
import type { Config } from '../config.ts'
import type { Limits } from '../db/connect.ts'
import { createLog } from '../log.ts'
import { openShop, type Shop } from './shop.ts'

const STOP_LIMIT_MS = 10_000

/** A person or a gateway waits for the answer; a gateway waits ten seconds. */
const ANSWERING: Limits = { statement: 8000, answer: 9000, connection: 8000 }
const WORKING: Limits = { statement: 30_000, answer: 35_000, connection: 10_000 }

export async function runRole(config: Config, role: string): Promise<void> {
  const run = role === 'web' ? await webServer(config) : await jobRunner()
  const url = await databaseFromParent()
  const log = createLog(config.logLevel, role)
  // While no database server takes writes, pages can still be read; jobs always write.
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

/** Starts the role's work. @returns how to stop it */
type Run = (shop: Shop) => Promise<() => Promise<unknown>>

/** Loads only the code of a web server. */
async function webServer(config: Config): Promise<Run> {
  const [{ createServer }, { openListeners }] = await Promise.all([
    import('./web.ts'),
    import('../http/operator/listeners.ts'),
  ])
  return async (shop) => {
    const app = await createServer(shop)
    await openListeners(app, config)
    return () => app.close()
  }
}

/** Loads only the code of the jobs. */
async function jobRunner(): Promise<Run> {
  const { startJobs } = await import('./worker.ts')
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

/** Requests the database's address once this process listens for the answer; a message sent earlier could be lost. */
function databaseFromParent(): Promise<string> {
  return new Promise((done) => {
    const receive = (message: unknown) => {
      if (!isBegin(message)) return
      process.off('message', receive)
      process.off('disconnect', leave)
      done(message.databaseUrl)
    }
    const leave = () => process.exit(0)
    process.on('message', receive)
    process.on('disconnect', leave)
    process.on('SIGINT', () => {})
    process.send?.({ type: 'begin?' })
  })
}

const isBegin = (message: unknown): message is { databaseUrl: string } =>
  typeof message === 'object' && message !== null && 'databaseUrl' in message && typeof message.databaseUrl === 'string'

/** Ctrl-C reaches the whole process group; children ignore it and let the parent decide the order of stopping. */
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
