/** `/sandbox/api/wechat/deliveries`: WeChat's notifications to shops, byte for byte, and the shops' answers. */
import { Type } from 'typebox'
import { WECHAT_TAMPERS } from '../wechat/notifications/protocol.ts'
import type { Wechat } from '../wechat/wechat.ts'
import { type Application, cursorOf } from './application.ts'
import { deliveriesJson, deliveryActions } from './deliveries.ts'
import { DeliveryShape, ErrorShape, page } from './shapes.ts'

export function wechatDeliveryRoutes(app: Application, wechat: Wechat): void {
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
    ({ query: { cursor, ...filter } }) =>
      deliveriesJson(wechat.deliveries, { ...filter, before: cursorOf(cursor), limit: 50 }),
  )
  deliveryActions(app, '/sandbox/api/wechat/deliveries', wechat.notifications, WECHAT_TAMPERS)
}
