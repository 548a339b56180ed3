/**
 * Server-sent events: changes of one of the buyer's orders, or of all orders that one browser's tabs wait for, in one
 * stream.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Principals } from '../auth/principal.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { releaseSlot } from '../http/load/overload.ts'
import type { OrderEvents } from './events.ts'
import { type createOrderReader, OrderNo } from './read.ts'
import { createStreams } from './streams.ts'

/** Proxies close silent connections; a comment now and then keeps the stream open. */
const HEARTBEAT_MS = 15_000
/** How many tabs may wait at a time; the page of one too many polls every few seconds instead. */
const MAX_ORDERS = 16

interface EventRoutes {
  readonly orders: ReturnType<typeof createOrderReader>
  readonly principals: Principals
  readonly events: OrderEvents
}

/** @returns a function that counts the open event streams */
export function addEventRoutes(app: Application, routes: EventRoutes): () => number {
  const streams = createStreams()
  const hub = { ...routes, streams }
  app.addHook('preClose', async () => streams.endAll())

  app.get(
    '/api/orders/events',
    {
      config: { access: 'account' },
      schema: {
        tags: ['orders'],
        summary: 'Server-sent events of several orders: `status` of each, at once and on every change',
        querystring: Type.Object({
          orderNos: Type.String({
            pattern: `^[^,]{1,64}(,[^,]{1,64}){0,${MAX_ORDERS - 1}}$`,
            maxLength: MAX_ORDERS * 65,
            description: `Their numbers, at most ${MAX_ORDERS}, with commas between them`,
          }),
        }),
      },
    },
    (request, reply) => stream(hub, request, reply, [...new Set(request.query.orderNos.split(','))]),
  )

  app.get(
    '/api/orders/:orderNo/events',
    {
      config: { access: 'account' },
      schema: {
        tags: ['orders'],
        summary: 'Server-sent events: `status`, at once and on every change',
        params: OrderNo,
      },
    },
    (request, reply) => stream(hub, request, reply, [request.params.orderNo]),
  )
  return streams.count
}

interface Hub extends EventRoutes {
  readonly streams: ReturnType<typeof createStreams>
}

async function stream(
  { orders, principals, events, streams }: Hub,
  request: FastifyRequest,
  reply: FastifyReply,
  orderNos: readonly string[],
): Promise<void> {
  // Checked again for each read: once its session has ended, the client receives nothing more.
  const read = async (orderNo: string, asking = principals.require(request, 'anew')) => {
    const userId = asking.then(({ user }) => user.id)
    return JSON.stringify(await orders.read(userId, orderNo))
  }
  const response = reply.raw
  // Watching starts before the first read, so that no change is missed in between.
  const changed = new Set<string>()
  let onChange = (orderNo: string): void => void changed.add(orderNo)
  const watches = orderNos.map((orderNo) => events.watch(orderNo, () => onChange(orderNo)))
  const stop = () => {
    for (const unwatch of watches) unwatch()
  }
  const sent = new Map<string, string>()
  try {
    const asking = principals.require(request)
    // An error is answered as a problem before the stream begins.
    await Promise.all(orderNos.map(async (orderNo) => sent.set(orderNo, await read(orderNo, asking))))
    streams.add((await asking).user.id, response)
  } catch (error) {
    stop()
    throw error
  }
  reply.hijack()
  releaseSlot()
  if (response.destroyed || request.raw.destroyed) return stop() // the buyer left meanwhile
  response.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const write = (order: string) => response.write(`event: status\ndata: ${order}\n\n`)
  for (const order of sent.values()) write(order)

  // Reads run one after another.
  let queue = Promise.resolve()
  const send = (orderNo: string) => {
    queue = queue
      .then(async () => {
        const order = await read(orderNo)
        if (order === sent.get(orderNo) || response.writableEnded) return
        sent.set(orderNo, order)
        write(order)
      })
      .catch((error: unknown) => {
        if (!(error instanceof ShopError)) request.log.warn({ err: error }, 'event stream ended early')
        response.end()
      })
  }
  onChange = send
  for (const orderNo of changed) send(orderNo)
  const heartbeat = setInterval(() => {
    // An earlier write has not been sent yet: the client no longer reads.
    if (response.writableLength > 0 || response.writableEnded) return void response.destroy()
    response.write(': still here\n\n')
    for (const orderNo of orderNos) send(orderNo) // in case a message about a change was lost
  }, HEARTBEAT_MS)
  response.on('close', () => {
    stop()
    clearInterval(heartbeat)
  })
}
