/** The parent process: owns the database server, the sandbox, the web servers and the jobs, and stops them in order. */

import { type ChildProcess, fork } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seedAccounts } from './accounts/demo.ts'
import { printBanner } from './banner.ts'
import { seedCatalog } from './catalog/demo.ts'
import type { Config } from './config.ts'
import { connect } from './database/connect.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded.ts'
import { migrate } from './database/migrate.ts'
import { refuseUnreachable } from './database/reach.ts'
import { refuseTakenPort } from './http/doors.ts'
import { answerMetrics } from './http/operator.ts'
import { refuseBadSettings, registerWithSandbox } from './payments/providers/registry.ts'
import { NotReadyError, SaidError } from './start-errors.ts'

const RESTART_MS = 500
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 12_000
/** Garbage of requests is short-lived: V8 would keep 64 MB for it in each process, and a few are as fast. */
const CHILD_FLAGS = [...process.execArgv, '--max-semi-space-size=8']
/** Nobody's request needs much, and the nearer V8 takes its limit to be, the less garbage it leaves lying: half of what it was. */
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
    await refuseBadSettings(config)
    await refuseTakenPort(config)
    if (config.sandbox.enabled) await refuseTakenPort({ ...config, port: config.sandbox.port }, 'SANDBOX_PORT')
    if (config.databaseUrl) await refuseUnreachable(config.databaseUrl)
    // A web server loads its code while the database starts, and begins its work when told where that is. The others load
    // theirs once it answers: until then they would only hold it up.
    const database = Promise.withResolvers<string>()
    database.promise.catch(() => {})
    const starts = prepareChildren(database.promise)
    const first = keepRunning(starts.web, state.children, state, database.promise)
    first.catch(() => {})
    const [databaseUrl] = await Promise.all([startDatabase(config, state), startSandbox(config, state)])
    await migrate(databaseUrl)
    await seed(config, databaseUrl)
    if (config.sandbox.enabled) await registerWithSandbox(config)
    database.resolve(databaseUrl)
    await first
    if (state.stopping) return
    printBanner(config, performance.now() - started)
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

/** What runs, and how to stop it: first whoever uses a service, then the services, the last started first. */
interface State {
  stopping: boolean
  readonly children: (() => Promise<void>)[]
  readonly services: (() => Promise<void>)[]
}

async function stopEverything({ children, services }: State): Promise<void> {
  await Promise.allSettled(children.map((stop) => stop()))
  for (const stop of services.reverse()) await stop().catch(() => {})
}

/** Ctrl-C, `kill`, a closed terminal, or the end of whoever started us. */
function onStopRequest(stop: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  process.on('disconnect', stop)
}

async function startDatabase(config: Config, state: State): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl
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
  return server.url
}

async function startSandbox(config: Config, state: State): Promise<void> {
  if (!config.sandbox.enabled) return
  const entry = join(fileURLToPath(import.meta.resolve('@xuecheng/sandbox')), '../main.ts')
  const args = ['--port', String(config.sandbox.port), '--host', config.host, '--data', join(config.dataDir, 'sandbox')]
  const start = () => fork(entry, args, { env: process.env, execArgv: CHILD_FLAGS })
  await keepRunning(start, state.services, state, Promise.resolve())
}

async function seed(config: Config, databaseUrl: string): Promise<void> {
  if (!config.demo) return
  const { db, close } = connect(databaseUrl, 2)
  await Promise.all([seedCatalog(db), seedAccounts(db)])
  await close()
}

/** How each kind of child is started; it asks where the database is, and is told as soon as that is known. */
function prepareChildren(database: Promise<string>) {
  const entry = join(import.meta.dirname, 'main.ts')
  answerMetrics()
  // Each worker accepts for itself. Dealt out by the parent, a connection on its way to a worker that is killed would stay
  // open for ever, and nobody would answer it.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: entry, execArgv: WEB_FLAGS })
  const begin = <Child extends ChildProcess | Worker>(child: Child): Child => {
    child.on('message', (message: unknown) => {
      if (!isOf(message, 'begin?')) return
      // One that has ended by then is started anew, and asks anew.
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
 * Starts a child, waits until it is ready, and starts it again whenever it ends by itself.
 * @param begun from when on it has all that it needs to become ready; a migration may take its time before
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
  // One that ends by itself has said why; one that is ended, by a want of memory for example, has not.
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
