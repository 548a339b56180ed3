/** What an operator looks at: alive, ready, and the numbers of every process of this server added up. */
import cluster from 'node:cluster'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, register } from 'prom-client'
import type { Connection } from '../database/connect.ts'
import type { Readiness } from '../database/readiness.ts'
import { ShopError } from '../errors.ts'
import { URGENCIES, type Urgency } from './admission.ts'
import type { Application } from './application.ts'
import type { Overload } from './overload.ts'

const METRICS_LIMIT_MS = 5000

export interface Operated {
  readonly connection: Connection
  readonly readiness: Readiness
  readonly overload: Overload
  /** How many streams of events are open. */
  readonly streams: () => number
}

export function addOperatorRoutes(app: Application, operated: Operated): void {
  collectDefaultMetrics()
  new AggregatorRegistry() // from now on this process answers when the primary asks for its numbers
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer, by route',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })
  measureLoad(operated)
  const { readiness, connection } = operated
  app.addHook('onClose', async () => {
    register.clear()
    await readiness.close()
  })

  const options = { schema: { hide: true }, config: { urgency: 'operator' }, logLevel: 'silent' } as const
  app.get('/healthz', options, () => ({ status: 'alive' }))
  app.get('/readyz', options, async () => {
    try {
      await readiness.check()
    } catch (error) {
      throw new ShopError('UNAVAILABLE', { retryAfterSeconds: 2, cause: error })
    }
    const { totalCount: open, idleCount: idle, waitingCount: waiting } = connection.pool
    return { status: 'ready', connections: { open, idle, waiting } }
  })
  app.get('/metrics', options, async (_request, reply) =>
    reply.type(register.contentType).send(await metricsOfAllProcesses()),
  )
}

/** What is in hand, waits, and was sent away; and what the process holds open. */
function measureLoad({ connection: { pool }, overload: { admission, shed }, streams }: Operated): void {
  const gauge = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      collect() {
        for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number)
      },
    })
  const byKind = (read: (urgency: Urgency) => number) => () =>
    Object.fromEntries(URGENCIES.map((urgency) => [urgency, read(urgency)]))
  gauge('http_requests_in_hand', 'Requests being worked on', 'kind', byKind(admission.inHand))
  gauge('http_requests_waiting', 'Requests that wait to be let in', 'kind', byKind(admission.waiting))
  new Counter({
    name: 'http_requests_shed_total',
    help: 'Requests that were sent away since there were too many',
    labelNames: ['kind'],
    collect() {
      this.reset()
      for (const urgency of URGENCIES) this.inc({ kind: urgency }, shed[urgency])
    },
  })
  gauge('database_connections', 'Connections of the pool, and who waits for one', 'state', () => ({
    open: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
  }))
  new Gauge({
    name: 'event_streams_open',
    help: 'Buyers who watch an order',
    collect() {
      this.set(streams())
    },
  })
}

/** A worker asks its primary, which alone can reach every worker. */
async function metricsOfAllProcesses(): Promise<string> {
  const { worker } = cluster
  if (!worker) return register.metrics()
  return new Promise((done, failed) => {
    const id = Math.random()
    const limit = setTimeout(() => finish(new Error('The other processes did not answer in time')), METRICS_LIMIT_MS)
    const heard = (message: unknown) => {
      if (isMetrics(message) && message.id === id) finish(message.metrics)
    }
    const finish = (result: string | Error) => {
      clearTimeout(limit)
      process.off('message', heard)
      if (typeof result === 'string') done(result)
      else failed(result)
    }
    process.on('message', heard)
    worker.send({ type: 'metrics?', id })
  })
}

const isMetrics = (message: unknown): message is { id: number; metrics: string } =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'metrics'

/** For the primary: answers its workers' questions with everybody's numbers. */
export function answerMetrics(): void {
  const registry = new AggregatorRegistry()
  cluster.on('message', async (worker, message: { type?: string; id?: number }) => {
    if (message?.type !== 'metrics?') return
    const metrics = await registry.clusterMetrics().catch(() => '')
    if (worker.isConnected()) worker.send({ type: 'metrics', id: message.id, metrics })
  })
}
