/** What an operator looks at: alive, ready, and the numbers of every process of this server added up. */
import cluster from 'node:cluster'
import { sql } from 'kysely'
import { AggregatorRegistry, collectDefaultMetrics, Histogram, register } from 'prom-client'
import type { Connection } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from './application.ts'

const METRICS_LIMIT_MS = 5000

export function addOperatorRoutes(app: Application, { db, pool }: Connection): void {
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
  app.addHook('onClose', () => register.clear())

  app.get('/healthz', { schema: { hide: true }, logLevel: 'silent' }, () => ({ status: 'alive' }))
  app.get('/readyz', { schema: { hide: true }, logLevel: 'silent' }, async () => {
    const { rows } = await sql<{ state: string }>`select current_setting('transaction_read_only') as state`
      .execute(db)
      .catch((cause) => {
        throw new ShopError('UNAVAILABLE', { retryAfterSeconds: 2, cause })
      })
    // At a standby, pages can be read; nobody can buy.
    if (rows[0]?.state !== 'off') throw new ShopError('UNAVAILABLE', { retryAfterSeconds: 2 })
    return { status: 'ready', connections: { open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount } }
  })
  app.get('/metrics', { schema: { hide: true }, logLevel: 'silent' }, async (_request, reply) =>
    reply.type(register.contentType).send(await metricsOfAllProcesses()),
  )
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
