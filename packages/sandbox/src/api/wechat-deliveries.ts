/** `/sandbox/api/wechat/deliveries`: what WeChat told shops, byte for byte, and what they answered. */
import { Type } from 'typebox'
import type { Sandbox } from '../sandbox.ts'
import { WECHAT_TAMPERS } from '../wechat/notifications.ts'
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
        summary: 'Sends a notification once more, now, altered if asked for; the answer is that attempt',
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
}
