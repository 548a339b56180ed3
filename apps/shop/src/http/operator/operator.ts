/**
 * Operator endpoints of one web server: liveness, readiness, and its metrics, which the parent sums up (metrics.ts).
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, register } from 'prom-client'
import type { Connection } from '../../db/connect.ts'
import type { Readiness } from '../../db/readiness.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../application.ts'
import type { Overload } from '../load/overload.ts'
import { PRIORITIES, type Priority } from '../load/waiting-line.ts'
import { answerForMetrics } from './metrics.ts'

export interface Operated {
  readonly connection: Connection
  readonly readiness: Readiness
  readonly overload: Overload
  /** The number of open event streams. */
  readonly streams: () => number
  /** The payment methods whose settings in use cannot be read. */
  readonly blocked: () => string[]
}

export function addOperatorRoutes(app: Application, operated: Operated): void {
  collectDefaultMetrics()
  app.addHook('onClose', answerForMetrics())
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
  const { readiness, connection, blocked } = operated
  app.addHook('onClose', async () => {
    register.clear()
    await readiness.close()
  })

  const options = { schema: { hide: true }, config: { priority: 'operator' }, logLevel: 'silent' } as const
  app.get('/healthz', options, () => ({ status: 'alive' }))
  app.get('/readyz', options, async () => {
    try {
      await readiness.check()
    } catch (error) {
      throw new ShopError('UNAVAILABLE', { retryAfterSeconds: 2, cause: error })
    }
    const { totalCount: open, idleCount: idle, waitingCount: waiting } = connection.pool
    return { status: 'ready', connections: { open, idle, waiting }, blocked: blocked() }
  })
}

/** Requests in progress, waiting and refused; and the resources that the process holds. */
function measureLoad({ connection: { pool }, overload: { shedder, shed }, streams }: Operated): void {
  const gauge = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      collect() {
        for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number)
      },
    })
  const byKind = (read: (priority: Priority) => number) => () =>
    Object.fromEntries(PRIORITIES.map((priority) => [priority, read(priority)]))
  gauge('http_requests_in_hand', 'Requests being worked on', 'kind', byKind(shedder.inHand))
  gauge('http_requests_waiting', 'Requests that wait to be let in', 'kind', byKind(shedder.waiting))
  new Counter({
    name: 'http_requests_shed_total',
    help: 'Requests that were sent away since there were too many',
    labelNames: ['kind'],
    collect() {
      this.reset()
      for (const priority of PRIORITIES) this.inc({ kind: priority }, shed[priority])
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
