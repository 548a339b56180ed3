/** Notifications and time: `/sandbox/api/deliveries`, `/notifications`, `/clock`, `/reset`. */
import { Type } from 'typebox'
import { LAST_MOMENT } from '../core/clock.ts'
import { TAMPERS } from '../core/faults/tamper.ts'
import { rfc3339 } from '../core/time.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { AttemptShape, attemptJson, bodyOf, DeliveryShape, deliveryJson, ErrorShape, page } from './shapes.ts'

const Switch = bodyOf({ enabled: Type.Boolean() })
const Time = Type.Object({ now: Type.String(), aheadSeconds: Type.Integer() })

export function controlRoutes(app: Application, sandbox: Sandbox): void {
  const { deliveries, notifications, clock } = sandbox
  const time = () => ({ now: rfc3339(clock.now()), aheadSeconds: Math.round(clock.offset() / 1000) })

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
      const { items, next } = deliveries.list({ tradeNo, outTradeNo, state, before: cursorOf(cursor), limit })
      return {
        items: items.map((delivery) => deliveryJson(delivery, deliveries.attempts(delivery.id))),
        next: next === undefined ? null : String(next),
      }
    },
  )

  app.post(
    '/sandbox/api/deliveries/:id/replay',
    {
      schema: {
        summary: 'Sends a notification again now; returns that attempt',
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        body: bodyOf({ tamper: Type.Optional(Type.Union(TAMPERS.map((tamper) => Type.Literal(tamper)))) }),
        response: { 200: AttemptShape, '4xx': ErrorShape },
      },
    },
    async (request) => {
      const delivery = deliveries.find(request.params.id)
      if (!delivery) throw new Refused(404, 'DELIVERY_NOT_FOUND', `there is no delivery ${request.params.id}`)
      return attemptJson(await notifications.replay(delivery, request.body.tamper))
    },
  )

  app.post(
    '/sandbox/api/deliveries/:id/next',
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
      const made = await notifications.bringForward(params.id)
      if (!made) throw new Refused(409, 'NO_ATTEMPT_TO_COME', 'this delivery has no further scheduled attempt')
      return attemptJson(made)
    },
  )

  app.get('/sandbox/api/notifications', { schema: { response: { 200: Switch } } }, () => ({
    enabled: notifications.enabled(),
  }))
  app.put(
    '/sandbox/api/notifications',
    { schema: { body: Switch, response: { 200: Switch, '4xx': ErrorShape } } },
    (request) => {
      notifications.enable(request.body.enabled)
      return { enabled: notifications.enabled() }
    },
  )

  app.get('/sandbox/api/clock', { schema: { response: { 200: Time } } }, time)
  app.post(
    '/sandbox/api/clock',
    {
      schema: {
        summary: 'Moves the clock forward; answers once everything due in between has run, in order',
        body: Type.Union([
          bodyOf({ advanceSeconds: Type.Integer({ minimum: 0, maximum: 315_360_000 }) }),
          bodyOf({ now: Type.String() }),
        ]),
        response: { 200: Time, '4xx': ErrorShape },
      },
    },
    async (request) => {
      const { body } = request
      const target = 'now' in body ? Date.parse(body.now) : clock.now() + body.advanceSeconds * 1000
      if (Number.isNaN(target))
        throw new Refused(400, 'INVALID_TIME', 'now must be RFC 3339, e.g. "2026-01-31T09:00:00+08:00"')
      if (target < clock.now() - 1000)
        throw new Refused(409, 'CLOCK_GOES_FORWARD', 'the clock only goes forward; POST /sandbox/api/reset resets it')
      if (target > LAST_MOMENT) throw new Refused(400, 'INVALID_TIME', 'the clock stops at the end of the year 2199')
      await sandbox.advanceTo(target)
      return time()
    },
  )

  app.post(
    '/sandbox/api/reset',
    {
      schema: {
        summary: 'Resets to the initial state; merchants and their keys stay unless `merchants` is true',
        body: bodyOf({ merchants: Type.Optional(Type.Boolean()) }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await sandbox.reset(request.body.merchants ?? false)
      return reply.code(204).send(null)
    },
  )
}
