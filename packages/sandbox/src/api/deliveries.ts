/** `/sandbox/api/deliveries`: notifications to shops, byte for byte, and the shops' answers. */
import { Type } from 'typebox'
import { TAMPERS } from '../core/faults/tamper.ts'
import { bringForward, type Notifications, replay } from '../core/notifications/notifications.ts'
import type { DeliveryFilter, DeliveryStore } from '../core/notifications/store.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { AttemptShape, attemptJson, bodyOf, DeliveryShape, deliveryJson, ErrorShape, page } from './shapes.ts'

export function deliveryRoutes(app: Application, { deliveries: store, notifications }: Sandbox): void {
  app.get(
    '/sandbox/api/deliveries',
    {
      schema: {
        querystring: Type.Object({
          tradeNo: Type.Optional(Type.String()),
          outTradeNo: Type.Optional(Type.String()),
          state: Type.Optional(Type.String()),
          cursor: Type.Optional(Type.String()),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
        }),
        response: { 200: page(DeliveryShape), '4xx': ErrorShape },
      },
    },
    (request) => {
      const { tradeNo, outTradeNo, state, cursor, limit = 50 } = request.query
      return deliveriesJson(store, { tradeNo, outTradeNo, state, before: cursorOf(cursor), limit })
    },
  )
  deliveryActions(app, '/sandbox/api/deliveries', notifications, TAMPERS)
}

/** What can be done with one gateway's deliveries; `tampers` are the ways to send a wrong one. */
export function deliveryActions<T extends string>(
  app: Application,
  path: string,
  notifications: Notifications<T>,
  tampers: readonly T[],
): void {
  const { store } = notifications

  app.post(
    `${path}/:id/replay`,
    {
      schema: {
        summary: 'Sends a notification again now, optionally tampered with; returns that attempt',
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        body: bodyOf({ tamper: Type.Optional(Type.Union(tampers.map((tamper) => Type.Literal(tamper)))) }),
        response: { 200: AttemptShape, '4xx': ErrorShape },
      },
    },
    async (request) => {
      const delivery = store.find(request.params.id)
      if (!delivery) throw new Refused(404, 'DELIVERY_NOT_FOUND', `there is no delivery ${request.params.id}`)
      return attemptJson(await replay(notifications, delivery, request.body.tamper))
    },
  )

  app.post(
    `${path}/:id/next`,
    {
      schema: {
        summary: 'Makes the next scheduled attempt now, dated as scheduled, without moving the clock',
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        body: bodyOf({}),
        response: { 200: AttemptShape, '4xx': ErrorShape },
      },
    },
    async ({ params }) => {
      if (!store.find(params.id)) throw new Refused(404, 'DELIVERY_NOT_FOUND', `there is no delivery ${params.id}`)
      const made = await bringForward(notifications, params.id)
      if (!made) throw new Refused(409, 'NO_ATTEMPT_TO_COME', 'this delivery has no further scheduled attempt')
      return attemptJson(made)
    },
  )
}

export function deliveriesJson(store: DeliveryStore, filter: DeliveryFilter) {
  const { items, next } = store.list(filter)
  return {
    items: items.map((delivery) => deliveryJson(delivery, store.attempts(delivery.id))),
    next: next === undefined ? null : String(next),
  }
}
