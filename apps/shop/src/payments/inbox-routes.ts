/** The inbox and the unmatched payments at the staff's desk. */
import { type Static, Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import { mayDo } from '../accounts/rights.ts'
import type { Role } from '../accounts/sessions.ts'
import type { Reader } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { answeredBefore, IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { Moment, Money, problems, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan } from '../money.ts'
import type { Payments } from './payments.ts'
import { REFUND_STATUSES } from './refund-states.ts'
import { replayNotification } from './replay.ts'
import { askBeforePayingBack, refundUnmatched, seeUnmatched } from './unmatched.ts'

const PAGE = 50
const Cursor = Type.Optional(Type.String({ maxLength: 200 }))
const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })
const TextOrNull = Type.Union([Type.String(), Type.Null()])
const CheckShape = Type.Object({
  check: Type.String(),
  passed: Type.Boolean(),
  detail: Type.Optional(Type.String({ description: 'What it says' })),
  expected: Type.Optional(Type.String({ description: 'What it should have said' })),
})

const rowFields = {
  id: Type.Integer(),
  provider: Type.String(),
  receivedAt: Moment,
  address: Type.String({ description: 'Where it came from' }),
  accepted: Type.Boolean(),
  effect: Type.String(),
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
        effect: Type.String(),
        checks: Type.Array(CheckShape),
      }),
    ),
    replayable: Type.Boolean(),
  },
  { $id: 'Notification' },
)

const UnmatchedShape = Type.Object(
  {
    id: Type.Integer(),
    provider: Type.String(),
    tradeNo: Type.String(),
    attemptNo: Type.String(),
    amount: Money,
    reason: Type.String(),
    orderNo: TextOrNull,
    foundAt: Moment,
    resolvedAt: Type.Union([Moment, Type.Null()]),
    resolution: Type.Union([Type.Enum(['refunded', 'seen', 'settled']), Type.Null()]),
    note: Type.String(),
    refund: Type.Union([
      Type.Object({ requestNo: Type.String(), status: Type.Enum([...REFUND_STATUSES]) }),
      Type.Null(),
    ]),
    actions: Type.Array(Type.String(), { description: 'What the viewer may do now: refund, seen' }),
  },
  { $id: 'UnmatchedPayment' },
)

export function addInboxDesk(desk: Application, payments: Payments): void {
  desk.addSchema(NotificationRow)
  desk.addSchema(NotificationShape)
  desk.addSchema(UnmatchedShape)
  const { db, clock } = payments
  const tags = ['desk: inbox']

  desk.get(
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
          200: Type.Object({ items: Type.Array(Type.Ref('NotificationRow')), next: TextOrNull }),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { state, q, cursor } = request.query
      const after = readCursor(cursor, ['number'])
      let select = notifications(db)
      if (state) select = select.where('notifications.accepted', '=', state === 'accepted')
      if (q?.trim()) {
        const found = numbered(db, q.trim())
        select = select.innerJoin(found.as('found'), (join) =>
          join.onRef('found.id', '=', 'notifications.id').onRef('found.received_at', '=', 'notifications.received_at'),
        )
      }
      if (after) select = select.where('notifications.id', '<', Number(after[0]))
      const rows = await select
        .orderBy('notifications.id', 'desc')
        .limit(PAGE + 1)
        .execute()
      const page = rows.slice(0, PAGE)
      const last = page.at(-1)
      return { items: page.map(writeRow), next: rows.length > PAGE && last ? writeCursor([last.id]) : null }
    },
  )

  desk.get(
    '/notifications/:id',
    {
      config: { right: 'inbox.read' },
      schema: { tags, params: Id, response: { 200: Type.Ref('Notification'), ...problems(401, 403, 404) } },
    },
    (request) => readNotification(db, request.params.id),
  )

  desk.post(
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
      const answered = await answeredBefore<Static<typeof NotificationShape>>(db, staff.user.id, key)
      if (answered) return answered
      // Handling it any number of times has one effect; the key makes it one line of the log and one answer.
      await replayNotification(payments, id, staff.user.username, async (tx, deed) => {
        await once(tx, staff.user.id, key, clock(), async () => {
          await audit(tx, staff, deed)
          return readNotification(tx, id)
        })
      })
      return readNotification(db, id)
    },
  )

  desk.get(
    '/unmatched-payments',
    {
      config: { right: 'money.read' },
      schema: {
        tags,
        summary: 'Money that belongs to no unpaid order as it stands, newest first',
        querystring: Type.Object({
          state: Type.Optional(Type.Enum(['open', 'resolved'])),
          id: Type.Optional(Type.Integer({ minimum: 1, description: 'Only this one' })),
          cursor: Cursor,
        }),
        response: {
          200: Type.Object({ items: Type.Array(Type.Ref('UnmatchedPayment')), next: TextOrNull }),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { state, id, cursor } = request.query
      const after = readCursor(cursor, ['number'])
      let select = unmatched(db)
      if (id !== undefined) select = select.where('unmatched_payments.id', '=', id)
      if (state) select = select.where('unmatched_payments.resolved_at', state === 'open' ? 'is' : 'is not', null)
      if (after) select = select.where('unmatched_payments.id', '<', Number(after[0]))
      const rows = await select
        .orderBy('unmatched_payments.id', 'desc')
        .limit(PAGE + 1)
        .execute()
      const page = rows.slice(0, PAGE)
      const last = page.at(-1)
      const { role } = staffOf(request).user
      return {
        items: page.map((row) => writeUnmatched(row, role)),
        next: rows.length > PAGE && last ? writeCursor([last.id]) : null,
      }
    },
  )

  const act = (
    action: 'refund' | 'seen',
    summary: string,
    work: (...of: Parameters<typeof refundUnmatched>) => Promise<void>,
    before: (id: number) => Promise<void> = async () => {},
  ) =>
    desk.post(
      `/unmatched-payments/:id/${action}`,
      {
        config: { right: 'money.repair' },
        schema: {
          tags,
          summary,
          params: Id,
          headers: IdempotencyHeader,
          body: Type.Object({ note: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
          response: { 200: Type.Ref('UnmatchedPayment'), ...problems(401, 403, 404, 409, 422, 503) },
        },
      },
      async (request) => {
        const staff = staffOf(request)
        const { id } = request.params as Static<typeof Id>
        const { note } = request.body as { note: string }
        const key = repeatable(request)
        const answered = await answeredBefore<Static<typeof UnmatchedShape>>(db, staff.user.id, key)
        if (answered) return answered
        await before(id)
        const now = clock()
        return db.transaction().execute((tx) =>
          once(tx, staff.user.id, key, now, async () => {
            await work(tx, staff, { id, reason: note, now })
            const row = await unmatched(tx).where('unmatched_payments.id', '=', id).executeTakeFirst()
            if (!row) throw new ShopError('NOT_FOUND')
            return writeUnmatched(row, staff.user.role)
          }),
        )
      },
    )
  act('refund', 'Pay back all that is left of it', refundUnmatched, async (id) => {
    const row = await unmatched(db).where('unmatched_payments.id', '=', id).executeTakeFirst()
    if (row?.resolved_at !== null) return
    await askBeforePayingBack(payments, { provider: row.provider, attemptNo: row.attempt_no, reason: row.reason })
  })
  act('seen', 'Take note of it: nothing more is to be done', (tx, staff, { id, reason, now }) =>
    seeUnmatched(tx, staff, { id, note: reason, now }),
  )
}

const notifications = (db: Reader) =>
  db
    .selectFrom('notifications')
    .leftJoin('payment_attempts', 'payment_attempts.attempt_no', 'notifications.attempt_no')
    .leftJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select(['notifications.id', 'notifications.provider', 'notifications.received_at', 'notifications.address'])
    .select(['notifications.accepted', 'notifications.effect', 'notifications.attempt_no', 'notifications.trade_no'])
    .select('orders.order_no')

/** Each number by its own index: asked for by all three at once, the newest first, the whole inbox may be walked. */
const numbered = (db: Reader, number: string) => {
  const by = (column: 'attempt_no' | 'trade_no' | 'notify_id') =>
    db.selectFrom('notifications').select(['id', 'received_at']).where(column, '=', number)
  return by('attempt_no').union(by('trade_no')).union(by('notify_id'))
}

type Row = Awaited<ReturnType<ReturnType<typeof notifications>['executeTakeFirstOrThrow']>>

const writeRow = (row: Row): Static<typeof NotificationRow> => ({
  id: row.id,
  provider: row.provider,
  receivedAt: writeMoment(row.received_at),
  address: row.address,
  accepted: row.accepted,
  effect: row.effect,
  attemptNo: row.attempt_no,
  tradeNo: row.trade_no,
  orderNo: row.order_no,
})

/** @throws ShopError NOT_FOUND */
async function readNotification(db: Reader, id: number): Promise<Static<typeof NotificationShape>> {
  const row = await notifications(db)
    .select(['notifications.content_type', 'notifications.headers', 'notifications.body'])
    .select(['notifications.body_bytes', 'notifications.checks'])
    .where('notifications.id', '=', id)
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  const handlings = await db
    .selectFrom('notification_handlings')
    .selectAll()
    .where('notification_id', '=', id)
    .orderBy('id')
    .execute()
  return {
    ...writeRow(row),
    contentType: row.content_type,
    headers: row.headers,
    bodyText: row.body.toString('utf8'),
    bodyBytes: row.body_bytes,
    checks: row.checks,
    handlings: handlings.map((handling) => ({
      at: writeMoment(handling.at),
      by: handling.by_whom,
      accepted: handling.accepted,
      effect: handling.effect,
      checks: handling.checks,
    })),
    replayable: row.body.length === row.body_bytes,
  }
}

const unmatched = (db: Reader) =>
  db
    .selectFrom('unmatched_payments')
    .leftJoin('orders', 'orders.id', 'unmatched_payments.order_id')
    .leftJoin('refunds', 'refunds.id', 'unmatched_payments.refund_id')
    .leftJoin('payment_attempts as attempt', (join) =>
      join
        .onRef('attempt.provider', '=', 'unmatched_payments.provider')
        .onRef('attempt.trade_no', '=', 'unmatched_payments.trade_no'),
    )
    .leftJoin('order_payments', 'order_payments.attempt_id', 'attempt.id')
    .selectAll('unmatched_payments')
    .select(['attempt.amount_fen as came_fen', 'attempt.refunded_fen as gone_fen', 'order_payments.order_id as pays'])
    .select(['orders.order_no', 'refunds.request_no', 'refunds.status as refund_status'])

type UnmatchedRow = Awaited<ReturnType<ReturnType<typeof unmatched>['executeTakeFirstOrThrow']>>

function writeUnmatched(row: UnmatchedRow, role: Role): Static<typeof UnmatchedShape> {
  const open = row.resolved_at === null && mayDo(role, 'money.repair')
  // What an order was served for goes back from that order.
  const left = (row.came_fen ?? row.amount_fen) - (row.gone_fen ?? row.refunded_fen)
  const refundable = row.pays === null && left > 0
  return {
    id: row.id,
    provider: row.provider,
    tradeNo: row.trade_no,
    attemptNo: row.attempt_no,
    amount: formatYuan(row.amount_fen),
    reason: row.reason,
    orderNo: row.order_no,
    foundAt: writeMoment(row.found_at),
    resolvedAt: writeMomentOrNull(row.resolved_at),
    resolution: row.resolution,
    note: row.note,
    refund: row.request_no && row.refund_status ? { requestNo: row.request_no, status: row.refund_status } : null,
    actions: open ? (refundable ? ['refund', 'seen'] : ['seen']) : [],
  }
}
