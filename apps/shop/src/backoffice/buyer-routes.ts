/** Buyers at the staff's desk: search, one with what they own, grant and revoke, disable, a new password. */
import { Type } from 'typebox'
import { audit, type Deed } from '../accounts/audit.ts'
import { type Staff, staffOf } from '../accounts/desk.ts'
import { newPassword, setDisabled, setPassword } from '../accounts/manage.ts'
import type { Database, Transaction } from '../database/connect.ts'
import { grantByStaff, revokeByStaff } from '../enrolments/by-staff.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, type Repeatable, repeatable } from '../http/idempotency.ts'
import { problems } from '../http/shapes.ts'
import { OrderNo } from '../orders/routes.ts'
import { BuyerRowShape, BuyerShape, readBuyer, searchBuyers } from './buyers.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })
const Why = Type.String({ minLength: 1, maxLength: 200 })
const CourseId = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })

export function addBuyerDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(BuyerRowShape)
  desk.addSchema(BuyerShape)
  const tags = ['desk: buyers']

  desk.get(
    '/buyers',
    {
      config: { right: 'buyers.read' },
      schema: {
        tags,
        summary: 'Buyers, newest first, or whose name begins so',
        querystring: Type.Object({
          q: Type.Optional(Type.String({ maxLength: 64 })),
          cursor: Type.Optional(Type.String({ maxLength: 200 })),
        }),
        response: {
          200: Type.Object({ items: Type.Array(Type.Ref('BuyerRow')), next: Type.Union([Type.String(), Type.Null()]) }),
          ...problems(401, 403, 422),
        },
      },
    },
    (request) => searchBuyers(db, { q: request.query.q, cursor: request.query.cursor }),
  )

  desk.get(
    '/buyers/:id',
    {
      config: { right: 'buyers.read' },
      schema: { tags, params: Id, response: { 200: Type.Ref('Buyer'), ...problems(401, 403, 404) } },
    },
    (request) => readBuyer(db, request.params.id),
  )

  desk.post(
    '/buyers/:id/access',
    {
      config: { right: 'access.grant' },
      schema: {
        tags,
        summary: 'Grant a course, with a reason; from an order that paid for it, a refund ends it again',
        params: Id,
        headers: IdempotencyHeader,
        body: Type.Object(
          {
            courseId: CourseId,
            orderNo: Type.Optional(OrderNo.properties.orderNo),
            reason: Why,
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Ref('Buyer'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { courseId, orderNo, reason } = request.body
      const { id } = request.params
      const asked = repeatable(request)
      await readBuyer(db, id)
      await change(staffOf(request), { id, action: 'access.grant', note: reason, asked }, async (tx, staff, now) => {
        const grant = { userId: id, courseId, orderNo, staffId: staff.user.id, reason, now }
        const { from, ...of } = await grantByStaff(tx, grant)
        return { before: { courseId, access: from }, after: { courseId, access: 'active', ...of } }
      })
      return reply.code(201).send(await readBuyer(db, id))
    },
  )

  desk.post(
    '/buyers/:id/access/revoke',
    {
      config: { right: 'access.grant' },
      schema: {
        tags,
        summary: 'Take a course away, with a reason; money goes back only by a refund',
        params: Id,
        body: Type.Object({ courseId: CourseId, reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Ref('Buyer'), ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { courseId, reason } = request.body
      const { id } = request.params
      await readBuyer(db, id)
      await change(staffOf(request), { id, action: 'access.revoke', note: reason }, async (tx, staff, now) => {
        const { from, ...of } = await revokeByStaff(tx, { userId: id, courseId, staffId: staff.user.id, reason, now })
        return { before: { courseId, access: from, ...of }, after: { courseId, access: 'revoked' } }
      })
      return readBuyer(db, id)
    },
  )

  desk.post(
    '/buyers/:id/disable',
    {
      config: { right: 'buyers.write' },
      schema: {
        tags,
        summary: 'Disable an account and end its sessions, or enable it again',
        params: Id,
        body: Type.Object({ disabled: Type.Boolean(), reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Ref('Buyer'), ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { disabled, reason } = request.body
      const { id } = request.params
      await readBuyer(db, id)
      const action = disabled ? 'buyer.disable' : 'buyer.enable'
      await change(staffOf(request), { id, action, note: reason }, async (tx, _, now) => {
        const { disabled_at: since } = await holdAccount(tx, id)
        await setDisabled(tx, id, disabled, now)
        return { before: { disabled: since !== null }, after: { disabled } }
      })
      return readBuyer(db, id)
    },
  )

  desk.post(
    '/buyers/:id/password',
    {
      config: { right: 'buyers.write' },
      schema: {
        tags,
        summary: 'Make up a new password, shown only in this answer, and end the sessions',
        params: Id,
        body: Type.Object({ reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Object({ password: Type.String() }), ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      await readBuyer(db, id)
      const { password, hash } = await newPassword()
      const { reason } = request.body
      await change(staffOf(request), { id, action: 'buyer.password', note: reason }, async (tx, _, now) => {
        const { password_due: due } = await holdAccount(tx, id)
        await setPassword(tx, id, hash, now)
        return { before: { passwordDue: due }, after: { passwordDue: true } }
      })
      return reply.header('cache-control', 'no-store').send({ password })
    },
  )

  /** The change and its line in the audit log, together or not at all; once for its key, if it has one. */
  const change = (
    staff: Staff,
    deed: { id: number; action: string; note: string; asked?: Repeatable | undefined },
    work: (tx: Transaction, staff: Staff, now: Date) => Promise<Pick<Deed, 'before' | 'after'>>,
  ): Promise<unknown> =>
    db.transaction().execute((tx) => {
      const at = clock()
      const { id, action, note, asked } = deed
      return once(tx, staff.user.id, asked, at, async () => {
        const changed = await work(tx, staff, at)
        await audit(tx, staff, { at, action, subject: `buyers/${id}`, ...changed, note })
        return {}
      })
    })
}

/** The account as it is before the change, held until that is done. @throws ShopError USER_NOT_FOUND */
async function holdAccount(tx: Transaction, id: number) {
  const account = await tx
    .selectFrom('users')
    .select(['disabled_at', 'password_due'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (!account) throw new ShopError('USER_NOT_FOUND')
  return account
}
