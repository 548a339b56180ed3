/** The inbox of notifications in the back office. */
import { type Static, Type } from 'typebox'
import { staffOf } from '../../admin/admin-routes.ts'
import { audit } from '../../admin/audit.ts'
import type { Reader } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { Cursor, cursorPage, PageShape } from '../../http/cursor.ts'
import { findStoredAnswer, IdempotencyHeader, once, repeatable } from '../../http/idempotency.ts'
import { Moment, problems, viewOf } from '../../http/shapes.ts'
import type { Payments } from '../payments.ts'
import { replayNotification } from './replay.ts'

const PAGE = 50
const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })
const TextOrNull = Type.Union([Type.String(), Type.Null()])
const CheckShape = Type.Object({
  check: Type.String(),
  passed: Type.Boolean(),
  detail: Type.Optional(Type.String({ description: 'What it says' })),
  expected: Type.Optional(Type.String({ description: 'What it should have said' })),
})

const EFFECT = 'What it did: settled, repeated, unmatched, nothing_to_do, refused, probe or failed'
const UNMATCHED_FOR = 'Why its payment is listed as unmatched'
const rowFields = {
  id: Type.Integer(),
  provider: Type.String(),
  receivedAt: Moment,
  address: Type.String({ description: 'Where it came from' }),
  accepted: Type.Boolean(),
  effect: Type.String({ description: EFFECT }),
  reason: Type.Union([Type.String(), Type.Null()], { description: UNMATCHED_FOR }),
  attemptNo: TextOrNull,
  tradeNo: TextOrNull,
  orderNo: TextOrNull,
}
const NotificationRow = Type.Object(rowFields, { $id: 'NotificationRow' })
const NotificationShape = Type.Object(
  {
    ...rowFields,
    contentType: Type.String(),
    headers: Type.Record(Type.String(), Type.String()),
    bodyText: Type.String({ description: 'The bytes as they came, read as UTF-8' }),
    bodyBytes: Type.Integer(),
    checks: Type.Array(CheckShape),
    handlings: Type.Array(
      Type.Object({
        at: Moment,
        by: Type.String(),
        accepted: Type.Boolean(),
        effect: Type.String({ description: EFFECT }),
        reason: Type.Union([Type.String(), Type.Null()], { description: UNMATCHED_FOR }),
        checks: Type.Array(CheckShape),
      }),
    ),
    replayable: Type.Boolean(),
  },
  { $id: 'Notification' },
)

export function addInboxAdminRoutes(admin: Application, payments: Payments): void {
  admin.addSchema(NotificationRow)
  admin.addSchema(NotificationShape)
  addReadRoutes(admin, payments)
  addReplayRoute(admin, payments)
}

const tags = ['back office: inbox']

function addReadRoutes(admin: Application, { db }: Payments): void {
  admin.get(
    '/notifications',
    {
      config: { right: 'inbox.read' },
      schema: {
        tags,
        summary: 'Notifications, newest first',
        querystring: Type.Object({
          state: Type.Optional(Type.Enum(['accepted', 'refused'])),
          q: Type.Optional(Type.String({ maxLength: 100, description: "An attempt's or the gateway's number" })),
          cursor: Cursor,
        }),
        response: {
          200: PageShape('NotificationRow'),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { state, q, cursor } = request.query
      let query = notifications(db)
      if (state) query = query.where('notifications.accepted', '=', state === 'accepted')
      if (q?.trim()) {
        const found = numbered(db, q.trim())
        query = query.innerJoin(found.as('found'), (join) =>
          join.onRef('found.id', '=', 'notifications.id').onRef('found.received_at', '=', 'notifications.received_at'),
        )
      }
      return cursorPage({ cursor, query, key: 'notifications.id', size: PAGE, view: (rows) => rows.map(viewOf) })
    },
  )

  admin.get(
    '/notifications/:id',
    {
      config: { right: 'inbox.read' },
      schema: { tags, params: Id, response: { 200: Type.Ref('Notification'), ...problems(401, 403, 404) } },
    },
    (request) => readNotification(db, request.params.id),
  )
}

function addReplayRoute(admin: Application, payments: Payments): void {
  const { db, clock } = payments

  admin.post(
    '/notifications/:id/replay',
    {
      config: { right: 'inbox.replay' },
      schema: {
        tags,
        summary: 'Handle a stored notification again',
        params: Id,
        headers: IdempotencyHeader,
        response: { 200: Type.Ref('Notification'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { id } = request.params
      const key = repeatable(request)
      const answered = await findStoredAnswer<Static<typeof NotificationShape>>(db, staff.user.id, key)
      if (answered) return answered
      // Replaying has one effect however often it is done; the key limits it to one audit entry and one answer.
      await replayNotification(payments, id, staff.user.username, async (tx, entry) => {
        await once(tx, staff.user.id, key, clock(), async () => {
          await audit(tx, staff, entry)
          return readNotification(tx, id)
        })
      })
      return readNotification(db, id)
    },
  )
}

const notifications = (db: Reader) =>
  db
    .selectFrom('notifications')
    .leftJoin('payment_attempts', 'payment_attempts.attempt_no', 'notifications.attempt_no')
    .leftJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select(['notifications.id', 'notifications.provider', 'notifications.received_at', 'notifications.address'])
    .select(['notifications.accepted', 'notifications.effect', 'notifications.attempt_no', 'notifications.trade_no'])
    .select(['notifications.reason_code as reason', 'orders.order_no'])

/**
 * One query for each number, so that each uses its own index: a single query for all three, newest first, might scan
 * the whole inbox.
 */
const numbered = (db: Reader, number: string) => {
  const by = (column: 'attempt_no' | 'trade_no' | 'notify_id') =>
    db.selectFrom('notifications').select(['id', 'received_at']).where(column, '=', number)
  return by('attempt_no').union(by('trade_no')).union(by('notify_id'))
}

/** @throws ShopError NOT_FOUND */
async function readNotification(db: Reader, id: number): Promise<Static<typeof NotificationShape>> {
  const found = await notifications(db)
    .select(['notifications.content_type', 'notifications.headers', 'notifications.body'])
    .select(['notifications.body_bytes', 'notifications.checks'])
    .where('notifications.id', '=', id)
    .executeTakeFirstOrThrow(() => new ShopError('NOT_FOUND'))
  const { body, ...row } = found
  const handlings = await db
    .selectFrom('notification_handlings')
    .select(['at', 'by_whom as by', 'accepted', 'effect', 'reason_code as reason', 'checks'])
    .where('notification_id', '=', id)
    .orderBy('id')
    .execute()
  return {
    ...viewOf(row),
    bodyText: body.toString('utf8'),
    handlings: handlings.map(viewOf),
    replayable: body.length === row.body_bytes,
  }
}
