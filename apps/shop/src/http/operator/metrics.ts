/**
 * The summed metrics of all web servers, at an address for the operator. The parent process listens there: only it
 * reaches every web server, and it answers while they are busy.
 */
import cluster from 'node:cluster'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { isIP } from 'node:net'
import { AggregatorRegistry, Gauge, Registry, register } from 'prom-client'
import { type MetricsPlace, SettingError } from '../../config.ts'
import { isLoopbackHost } from '../../live.ts'
import { sharedAnswer } from '../load/shared-answer.ts'
import { listenAlone } from './listeners.ts'

/** How long a web server may take to answer; a late one is included in the next request. */
const ANSWER_MS = 2500
/** Requests within this time of an answer get the same answer. */
const FRESH_MS = 1000
const MAX_CONNECTIONS = 256

/** In a web server: sends its metrics to the parent on request. @returns how to stop that */
export function answerForMetrics(): () => Promise<void> {
  const answer = async (message: unknown) => {
    if (!isMessage(message, 'metrics?')) return
    const metrics = await register.getMetricsAsJSON().catch(() => undefined)
    process.send?.({ type: 'metrics', id: message.id, metrics }, undefined, {}, () => {})
  }
  process.on('message', answer)
  return async () => {
    process.off('message', answer)
  }
}

/**
 * In the parent: listens at the address from the settings.
 * @param others ports that the shop itself needs
 * @returns how to stop that
 * @throws SettingError when the settings name the port and it is taken
 */
export async function openMetrics(place: MetricsPlace, others: readonly number[]): Promise<() => Promise<void>> {
  const { host, port, asked } = place
  if (port === undefined) return async () => {}
  const server = createMetricsServer(metricsOfAllProcesses, isLoopbackHost(host))
  try {
    if (others.includes(port) && port !== 0) throw new SettingError('METRICS_PORT', `${port} is the shop's`, '9101')
    await listenAlone(server, { host, port }, 'METRICS_PORT', 'METRICS_HOST')
  } catch (error) {
    if (asked || !(error instanceof SettingError) || error.setting !== 'METRICS_PORT') throw error
    // The default port may be taken by a second shop or Prometheus' node exporter; the shop starts without metrics.
    process.stderr.write(`No metrics. ${error.message}, or METRICS_PORT=off\n`)
    return async () => {}
  }
  return () =>
    new Promise((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
}

/**
 * Answers `GET /metrics` with the result of `gather`, which concurrent requests share.
 * @param local refuse foreign host names: with DNS rebinding, another site's page could read a loopback address
 */
export function createMetricsServer(gather: () => Promise<string>, local: boolean): Server {
  const metrics = sharedAnswer(gather, FRESH_MS)
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, async (request, response) => {
    request.resume()
    const known = request.url?.split('?')[0] === '/metrics' && (request.method === 'GET' || request.method === 'HEAD')
    if (local && !isLocalHost(request)) response.writeHead(421).end()
    else if (!known) response.writeHead(404).end()
    else {
      const text = await metrics().catch(() => undefined)
      if (text === undefined) response.writeHead(500).end()
      else response.writeHead(200, { 'content-type': register.contentType, 'cache-control': 'no-store' }).end(text)
    }
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

function isLocalHost({ headers }: IncomingMessage): boolean {
  const name = (headers.host ?? '').replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || isIP(name) !== 0
}

/** Requests the metrics of every web server and sums those that arrive in time. */
async function metricsOfAllProcesses(): Promise<string> {
  const answers = await requestFromWorkers()
  const answered = answers.filter((answer) => answer !== undefined)
  const own = new Registry()
  const processes = new Gauge({
    name: 'xuecheng_web_servers',
    help: 'Processes that answer buyers: those whose numbers these are, and those that did not answer in time',
    labelNames: ['state'],
    registers: [own],
  })
  processes.set({ state: 'answering' }, answered.length)
  processes.set({ state: 'silent' }, answers.length - answered.length)
  return (await AggregatorRegistry.aggregate(answered).metrics()) + (await own.metrics())
}

let requests = 0

function requestFromWorkers(): Promise<(object | undefined)[]> {
  requests += 1
  const id = requests
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected())
  const answers = new Map<unknown, object | undefined>()
  return new Promise((done) => {
    const finish = () => {
      clearTimeout(limit)
      cluster.off('message', receive)
      done(workers.map((worker) => answers.get(worker)))
    }
    const receive = (worker: unknown, message: unknown) => {
      if (!isMessage(message, 'metrics') || message.id !== id) return
      answers.set(worker, message.metrics)
      if (answers.size === workers.length) finish()
    }
    const limit = setTimeout(finish, ANSWER_MS)
    cluster.on('message', receive)
    for (const worker of workers) worker?.send({ type: 'metrics?', id }, undefined, () => {})
    if (workers.length === 0) finish()
  })
}

interface Message {
  readonly id: number
  readonly metrics?: object
}

const isMessage = (message: unknown, type: string): message is Message =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === type
