/** The whole sandbox: `/sandbox/api/notifications`, `/clock`, `/reset`. */
import { Type } from 'typebox'
import { LAST_MOMENT } from '../core/clock.ts'
import { sendsNotifications, switchNotifications } from '../core/notifications/notifications.ts'
import { rfc3339 } from '../core/time.ts'
import { advanceTo, reset, type Sandbox } from '../sandbox.ts'
import { type Application, Refused } from './application.ts'
import { bodyOf, ErrorShape } from './shapes.ts'

const Switch = bodyOf({ enabled: Type.Boolean() })
const Time = Type.Object({ now: Type.String(), aheadSeconds: Type.Integer() })

export function controlRoutes(app: Application, sandbox: Sandbox): void {
  const { settings, clock } = sandbox
  const time = () => ({ now: rfc3339(clock.now()), aheadSeconds: Math.round(clock.offset() / 1000) })

  app.get('/sandbox/api/notifications', { schema: { response: { 200: Switch } } }, () => ({
    enabled: sendsNotifications(settings),
  }))
  app.put(
    '/sandbox/api/notifications',
    { schema: { body: Switch, response: { 200: Switch, '4xx': ErrorShape } } },
    (request) => {
      switchNotifications(sandbox, request.body.enabled)
      return { enabled: sendsNotifications(settings) }
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
      await advanceTo(sandbox, target)
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
      await reset(sandbox, request.body.merchants ?? false)
      return reply.code(204).send(null)
    },
  )
}
