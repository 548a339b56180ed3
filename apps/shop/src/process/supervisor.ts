/** The parent process: owns the database server, the sandbox, the web servers and the jobs, and stops them in order. */

import { type ChildProcess, fork } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { seedAccounts } from '../accounts/demo.ts'
import { isLiveNow } from '../auth/passwords/demo-passwords.ts'
import { seedCatalog } from '../catalog/demo.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { connect } from '../db/connect.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../db/embedded/server.ts'
import { migrate } from '../db/migrate.ts'
import { refuseUnreachable, warnOfRights } from '../db/preflight.ts'
import { hasUnknownProxy } from '../http/addresses/unknown-proxy.ts'
import { refuseTakenPort } from '../http/operator/listeners.ts'
import { openMetrics } from '../http/operator/metrics.ts'
import { refuseBadSettings, registerWithSandbox } from '../payments/providers/registry.ts'
import { beginFirstRun } from '../staff/first-run.ts'
import { printBanner, type StartState } from './banner.ts'
import { refuseUnwritableData } from './data-folder.ts'
import { forkSandbox } from './sandbox-process.ts'
import { NotReadyError, SaidError } from './start-errors.ts'

const RESTART_MS = 500
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 12_000
/** Requests produce short-lived garbage: V8 would reserve 64 MB per process for it, and 8 MB are as fast. */
const CHILD_FLAGS = [...process.execArgv, '--max-semi-space-size=8']
/**
 * No request needs much memory, and with a lower limit V8 collects earlier: half the garbage it would otherwise keep.
 */
const WEB_FLAGS = [...CHILD_FLAGS, '--max-old-space-size=512']

export async function supervise(config: Config): Promise<void> {
  const started = performance.now()
  const state: State = { stopping: false, children: [], services: [] }
  const stopAll = async (code: number): Promise<never> => {
    if (!state.stopping) {
      state.stopping = true
      setTimeout(() => process.exit(1), STOP_LIMIT_MS * 2).unref()
      await stopEverything(state)
    }
    process.exit(code)
  }
  onStopRequest(() => void stopAll(0))

  try {
    await refuseUnwritableData(config.dataDir)
    await refuseBadSettings(config)
    await refuseTakenPort(config)
    if (config.sandbox.enabled) await refuseTakenPort(config.sandbox, 'SANDBOX_PORT', 'SANDBOX_HOST')
    state.services.push(await openMetrics(config.metrics, [config.port, config.sandbox.port]))
    if (config.databaseUrl) {
      await refuseUnreachable(config.databaseUrl)
      await warnOfRights(config.databaseUrl)
    }
    // A web server loads its code while the database starts, and begins its work when it gets the address. The other
    // processes start once the first server answers: earlier, they would only slow it down.
    const database = Promise.withResolvers<string>()
    database.promise.catch(() => {})
    const starts = prepareChildren(database.promise)
    const first = keepRunning(starts.web, state.children, state, database.promise)
    first.catch(() => {})
    const [{ url, ownerUrl, runsAs }] = await Promise.all([startDatabase(config, state), startSandbox(config, state)])
    await migrate(ownerUrl)
    const standing = await prepare(config, url)
    if (config.sandbox.enabled) await registerWithSandbox(config)
    database.resolve(url)
    await first
    if (state.stopping) return
    printBanner(config, standing, performance.now() - started, runsAs)
    const others = Array.from({ length: config.workers - 1 }, () => starts.web)
    await Promise.all(
      [...others, starts.jobs].map((start) => keepRunning(start, state.children, state, database.promise)),
    )
    process.send?.({ type: 'ready' })
  } catch (error) {
    if (state.stopping) return
    process.exitCode = 1
    state.stopping = true
    await stopEverything(state)
    throw error
  }
}

/**
 * The running processes and services, stopped in this order: first the users of a service, then the services in
 * reverse.
 */
interface State {
  stopping: boolean
  readonly children: (() => Promise<void>)[]
  readonly services: (() => Promise<void>)[]
}

async function stopEverything({ children, services }: State): Promise<void> {
  await Promise.allSettled(children.map((stop) => stop()))
  for (const stop of services.reverse()) await stop().catch(() => {})
}

/** Ctrl-C, `kill`, a closed terminal, or the end of the parent process. */
function onStopRequest(stop: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  process.on('disconnect', stop)
}

/** The addresses for the shop's role and the schema's owner; in the operator's own PostgreSQL, one role is both. */
async function startDatabase(
  config: Config,
  state: State,
): Promise<Pick<EmbeddedPostgres, 'url' | 'ownerUrl' | 'runsAs'>> {
  if (config.databaseUrl) return { url: config.databaseUrl, ownerUrl: config.databaseUrl, runsAs: undefined }
  const folder = join(config.dataDir, 'postgres')
  let server: EmbeddedPostgres = await startEmbeddedPostgres(folder)
  state.services.push(() => server.stop())
  const keepAlive = async (): Promise<void> => {
    await server.lost
    while (!state.stopping) {
      try {
        server = await startEmbeddedPostgres(folder, { port: server.port })
        return keepAlive()
      } catch {
        await sleep(RESTART_MS)
      }
    }
  }
  void keepAlive()
  return server
}

async function startSandbox(config: Config, state: State): Promise<void> {
  if (!config.sandbox.enabled) return
  const start = () => forkSandbox({ ...config.sandbox, dataDir: config.dataDir }, [], CHILD_FLAGS)
  await keepRunning(start, state.services, state, Promise.resolve())
}

/** Seeds the demo if wanted; a live shop gets no demo accounts, but a code for its first owner. */
async function prepare(config: Config, databaseUrl: string): Promise<StartState> {
  const { db, close } = connect(databaseUrl, 2)
  try {
    const live = await isLiveNow(db, config)
    if (config.demoByName || (config.demo && !live)) await seedCatalog(db)
    if (config.demo && !live) await seedAccounts(db)
    return {
      live,
      firstRunCode: await beginFirstRun(db, live, systemClock()),
      unknownProxy: await hasUnknownProxy(db, config.trustedProxies, systemClock()),
    }
  } finally {
    await close()
  }
}

/** How to start each kind of child. A child requests the database's address and gets it as soon as it is known. */
function prepareChildren(database: Promise<string>) {
  const entry = join(import.meta.dirname, '../main.ts')
  // Each worker accepts connections itself. If the parent distributed them, a connection on its way to a worker that is
  // killed would stay open for ever without an answer.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: entry, execArgv: WEB_FLAGS })
  const begin = <Child extends ChildProcess | Worker>(child: Child): Child => {
    child.on('message', (message: unknown) => {
      if (!isOf(message, 'begin?')) return
      // A child that has ended by then is restarted and requests it again.
      database.then((databaseUrl) => child.send({ type: 'begin', databaseUrl }, () => {})).catch(() => {})
    })
    return child
  }
  return {
    web: () => begin(cluster.fork({ XUECHENG_ROLE: 'web' })),
    jobs: () => begin(fork(entry, { execArgv: CHILD_FLAGS, env: { ...process.env, XUECHENG_ROLE: 'jobs' } })),
  }
}

/**
 * Starts a child, waits until it is ready, and restarts it whenever it ends by itself.
 * @param begun resolves when the child has all that it needs; a migration may take long before
 */
async function keepRunning(
  start: () => ChildProcess | Worker,
  stops: (() => Promise<void>)[],
  state: State,
  begun: Promise<unknown>,
): Promise<void> {
  let child = start()
  stops.push(() => stopChild(child))
  const watch = () => {
    child.once('exit', async () => {
      if (state.stopping) return
      await sleep(RESTART_MS)
      if (state.stopping) return
      child = start()
      watch()
    })
  }
  await ready(child, begun)
  watch()
}

async function ready(child: ChildProcess | Worker, begun: Promise<unknown>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // A child that exits has printed why; one that was killed, by a lack of memory for example, has not.
  child.once('exit', (code: number | null, signal: string | null) =>
    reject(
      code === null
        ? new NotReadyError(`A process of the shop was ended before it was ready (${signal})`)
        : new SaidError('A process of the shop ended before it was ready'),
    ),
  )
  child.on('message', (message: unknown) => {
    if (isOf(message, 'ready')) resolve()
  })
  await Promise.race([promise, begun])
  const limit = setTimeout(
    () => reject(new NotReadyError('A process of the shop was not ready in time')),
    READY_LIMIT_MS,
  )
  await promise.finally(() => clearTimeout(limit))
}

const isOf = (message: unknown, type: string): boolean =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === type

async function stopChild(child: ChildProcess | Worker): Promise<void> {
  const process_ = 'process' in child ? child.process : child
  if (process_.exitCode !== null || process_.signalCode !== null) return
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  process_.kill('SIGTERM')
  const late = setTimeout(() => process_.kill('SIGKILL'), STOP_LIMIT_MS)
  await gone
  clearTimeout(late)
}
