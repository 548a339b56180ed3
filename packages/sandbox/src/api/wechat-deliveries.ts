/** `/sandbox/api/wechat/deliveries`: WeChat's notifications to shops, byte for byte, and the shops' answers. */
import { Type } from 'typebox'
import type { Sandbox } from '../sandbox.ts'
import { WECHAT_TAMPERS } from '../wechat/notifications/notifications.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { AttemptShape, attemptJson, bodyOf, DeliveryShape, deliveryJson, ErrorShape, page } from './shapes.ts'

export function wechatDeliveryRoutes(app: Application, { wechat }: Sandbox): void {
  const { deliveries } = wechat

  app.get(
    '/sandbox/api/wechat/deliveries',
    {
      schema: {
        querystring: Type.Object({
          outTradeNo: Type.Optional(Type.String({ maxLength: 64 })),
          state: Type.Optional(Type.String({ maxLength: 16 })),
          cursor: Type.Optional(Type.String({ maxLength: 20 })),
        }),
        response: { 200: page(DeliveryShape), '4xx': ErrorShape },
      },
    },
    ({ query: { cursor, ...filter } }) => {
      const { items, next } = deliveries.list({ ...filter, before: cursorOf(cursor), limit: 50 })
      return {
        items: items.map((delivery) => deliveryJson(delivery, deliveries.attempts(delivery.id))),
        next: next === undefined ? null : String(next),
      }
    },
  )

  app.post(
    '/sandbox/api/wechat/deliveries/:id/replay',
    {
      schema: {
        summary: 'Sends a notification again now, optionally tampered with; returns that attempt',
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        body: bodyOf({
          tamper: Type.Optional(Type.Union(WECHAT_TAMPERS.map((tamper) => Type.Literal(tamper)))),
        }),
        response: { 200: AttemptShape, '4xx': ErrorShape },
      },
    },
    async (request) => {
      const delivery = deliveries.find(request.params.id)
      if (!delivery) throw new Refused(404, 'DELIVERY_NOT_FOUND', 'there is no such delivery')
      return attemptJson(await wechat.notifications.replay(delivery, request.body.tamper))
    },
  )

  app.post(
    '/sandbox/api/wechat/deliveries/:id/next',
    {
      schema: {
        summary: 'Makes the next scheduled attempt now, dated as scheduled, without moving the clock',
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        body: bodyOf({}),
        response: { 200: AttemptShape, '4xx': ErrorShape },
      },
    },
    async ({ params }) => {
      if (!deliveries.find(params.id)) throw new Refused(404, 'DELIVERY_NOT_FOUND', `there is no delivery ${params.id}`)
      const made = await wechat.notifications.bringForward(params.id)
      if (!made) throw new Refused(409, 'NO_ATTEMPT_TO_COME', 'this delivery has no further scheduled attempt')
      return attemptJson(made)
    },
  )
}
