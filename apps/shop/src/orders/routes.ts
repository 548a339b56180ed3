/** A buyer's own orders: the list, and a single one. Everything that moves money is in `payments/`. */
import { Type } from 'typebox'
import type { Principals } from '../auth/principal.ts'
import type { Database } from '../db/connect.ts'
import type { Application } from '../http/application.ts'
import { Cursor, PageShape } from '../http/cursor.ts'
import { problems } from '../http/shapes.ts'
import { addEventRoutes } from './event-routes.ts'
import type { OrderEvents } from './events.ts'
import { createOrderReader, listOrders, OrderNo, OrderShape } from './read.ts'

export interface OrderRoutes {
  readonly db: Database
  readonly principals: Principals
  readonly events: OrderEvents
}

/** @returns a function that counts the open event streams */
export function addOrderRoutes(app: Application, { db, principals, events }: OrderRoutes): () => number {
  app.addSchema(OrderShape)
  const orders = createOrderReader(db)
  const tags = ['orders']

  app.get(
    '/api/orders',
    {
      config: { access: 'account' },
      schema: {
        tags,
        summary: 'My orders, newest first',
        querystring: Type.Object({ cursor: Cursor }),
        response: {
          200: PageShape('Order'),
          ...problems(401, 422),
        },
      },
    },
    async (request) => listOrders(db, (await principals.require(request)).user.id, request.query.cursor),
  )

  app.get(
    '/api/orders/:orderNo',
    {
      config: { access: 'account' },
      schema: { tags, params: OrderNo, response: { 200: Type.Ref('Order'), ...problems(401, 404) } },
    },
    async (request) => {
      const asking = principals.require(request).then(({ user }) => user.id)
      return orders.read(asking, request.params.orderNo)
    },
  )

  return addEventRoutes(app, { orders, principals, events })
}
