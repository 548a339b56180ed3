/** A buyer's own orders: the list, one, and the stream of its changes. Everything that moves money is in `payments/`. */
import type { OutgoingHttpHeaders } from 'node:http'
import { Type } from 'typebox'
import type { Viewers } from '../accounts/viewer.ts'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { leaveForGood } from '../http/overload.ts'
import { problems } from '../http/shapes.ts'
import type { OrderEvents } from './events.ts'
import { createOrderReader, listOrders, OrderShape } from './read.ts'
import { createStreams } from './streams.ts'

export const OrderNo = Type.Object({ orderNo: Type.String({ minLength: 1, maxLength: 64 }) })

/** Proxies close what stays silent; a comment now and then keeps the stream open. */
const HEARTBEAT_MS = 15_000

export interface OrderRoutes {
  readonly db: Database
  readonly viewers: Viewers
  readonly events: OrderEvents
}

/** @returns how many streams of events are open */
export function addOrderRoutes(app: Application, { db, viewers, events }: OrderRoutes): () => number {
  app.addSchema(OrderShape)
  const orders = createOrderReader(db)
  const tags = ['orders']

  app.get(
    '/api/orders',
    {
      schema: {
        tags,
        summary: 'My orders, newest first',
        querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: {
          200: Type.Object({ items: Type.Array(Type.Ref('Order')), next: Type.Union([Type.String(), Type.Null()]) }),
          ...problems(401, 422),
        },
      },
    },
    async (request) => listOrders(db, (await viewers.require(request)).user.id, request.query.cursor),
  )

  app.get(
    '/api/orders/:orderNo',
    { schema: { tags, params: OrderNo, response: { 200: Type.Ref('Order'), ...problems(401, 404) } } },
    async (request) => {
      const asking = viewers.require(request).then(({ user }) => user.id)
      return orders.read(asking, request.params.orderNo)
    },
  )

  const streams = createStreams()
  app.addHook('preClose', async () => streams.endAll())

  app.get(
    '/api/orders/:orderNo/events',
    { schema: { tags, summary: 'Server-sent events: `status`, at once and on every change', params: OrderNo } },
    async (request, reply) => {
      const { orderNo } = request.params
      // Asked anew each time: a session that has ended meanwhile hears no more.
      const read = async (asking = viewers.require(request)) => {
        const userId = asking.then(({ user }) => user.id)
        return JSON.stringify(await orders.read(userId, orderNo))
      }
      const stream = reply.raw
      // Watching starts before the first read, so that no change falls between the two.
      let changed = false
      let heard = () => {
        changed = true
      }
      const stop = events.watch(orderNo, () => heard())
      let sent: string
      try {
        const asking = viewers.require(request)
        sent = await read(asking) // refused as a problem, before the stream begins
        streams.add((await asking).user.id, stream)
      } catch (error) {
        stop()
        throw error
      }
      reply.hijack()
      leaveForGood()
      if (stream.destroyed || request.raw.destroyed) return stop() // the buyer left while we looked
      stream.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      const write = (order: string) => stream.write(`event: status\ndata: ${order}\n\n`)
      write(sent)

      // Reads run one after the other.
      let queue = Promise.resolve()
      const send = () => {
        queue = queue
          .then(async () => {
            const order = await read()
            if (order === sent || stream.writableEnded) return
            sent = order
            write(order)
          })
          .catch((error: unknown) => {
            if (!(error instanceof ShopError)) request.log.warn({ err: error }, 'event stream ends early')
            stream.end()
          })
      }
      heard = send
      if (changed) send()
      const heartbeat = setInterval(() => {
        // What was written a while ago has not left yet: nobody reads any more.
        if (stream.writableLength > 0 || stream.writableEnded) return void stream.destroy()
        stream.write(': still here\n\n')
        send() // should word of a change have been lost on the way
      }, HEARTBEAT_MS)
      stream.on('close', () => {
        stop()
        clearInterval(heartbeat)
      })
    },
  )
  return streams.count
}
