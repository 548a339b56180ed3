/** Buyers in the back office: search, one buyer with owned courses, grant and revoke, disable, reset the password. */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { newPassword, setDisabled, setPassword } from '../accounts/manage.ts'
import { type Acting, type AdminContext, adminAction } from '../admin/action.ts'
import { adminRoute, staffOf } from '../admin/admin-routes.ts'
import type { AuditEntry } from '../admin/audit.ts'
import { disabledOrEnabled } from '../auth/security-log/hooks.ts'
import type { Transaction } from '../db/connect.ts'
import { grantByStaff, revokeByStaff } from '../enrolments/by-staff.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Cursor, PageShape } from '../http/cursor.ts'
import { IdempotencyHeader } from '../http/idempotency.ts'
import { closed, problems } from '../http/shapes.ts'
import { OrderNo } from '../orders/read.ts'
import { BuyerRowShape, BuyerShape, readBuyer, searchBuyers } from './buyers.ts'

const route = adminRoute('buyers')

const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })
const Why = Type.String({ minLength: 1, maxLength: 200 })
const CourseId = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })

export function addBuyerAdminRoutes(admin: Application, context: AdminContext): void {
  admin.addSchema(BuyerRowShape)
  admin.addSchema(BuyerShape)
  addListRoutes(admin, context)
  addAccessRoutes(admin, context)
  addAccountRoutes(admin, context)
}

function addListRoutes(admin: Application, { db }: AdminContext): void {
  admin.get(
    '/buyers',
    route('buyers.read', {
      summary: 'Buyers, newest first, or whose name begins so',
      querystring: Type.Object({
        q: Type.Optional(Type.String({ maxLength: 64 })),
        cursor: Cursor,
      }),
      response: {
        200: PageShape('BuyerRow'),
        ...problems(401, 403, 422),
      },
    }),
    (request) => searchBuyers(db, request.query),
  )

  admin.get(
    '/buyers/:id',
    route('buyers.read', { params: Id, response: { 200: Type.Ref('Buyer'), ...problems(401, 403, 404) } }),
    (request) => readBuyer(db, request.params.id),
  )
}

function addAccessRoutes(admin: Application, context: AdminContext): void {
  const { db } = context

  admin.post(
    '/buyers/:id/access',
    route('access.grant', {
      summary: 'Grant a course, with a reason; from an order that paid for it, a refund ends it again',
      params: Id,
      headers: IdempotencyHeader,
      body: closed({
        courseId: CourseId,
        orderNo: Type.Optional(OrderNo.properties.orderNo),
        reason: Why,
      }),
      response: { 201: Type.Ref('Buyer'), ...problems(401, 403, 404, 409, 422) },
    }),
    async (request, reply) => {
      const { courseId, orderNo, reason } = request.body
      const { id } = request.params
      await readBuyer(db, id)
      await change(context, request, { id, action: 'access.grant', note: reason }, async ({ tx, staff, now }) => {
        const grant = { userId: id, courseId, orderNo, staffId: staff.user.id, reason, now }
        const { from, ...of } = await grantByStaff(tx, grant)
        return { before: { courseId, access: from }, after: { courseId, access: 'active', ...of } }
      })
      return reply.code(201).send(await readBuyer(db, id))
    },
  )

  admin.post(
    '/buyers/:id/access/revoke',
    route('access.grant', {
      summary: 'Take a course away, with a reason; money goes back only by a refund',
      params: Id,
      body: closed({ courseId: CourseId, reason: Why }),
      response: { 200: Type.Ref('Buyer'), ...problems(401, 403, 404, 422) },
    }),
    async (request) => {
      const { courseId, reason } = request.body
      const { id } = request.params
      await readBuyer(db, id)
      await change(context, request, { id, action: 'access.revoke', note: reason }, async ({ tx, staff, now }) => {
        const { from, ...of } = await revokeByStaff(tx, { userId: id, courseId, staffId: staff.user.id, reason, now })
        return { before: { courseId, access: from, ...of }, after: { courseId, access: 'revoked' } }
      })
      return readBuyer(db, id)
    },
  )
}

function addAccountRoutes(admin: Application, context: AdminContext): void {
  const { db } = context

  admin.post(
    '/buyers/:id/disable',
    route('buyers.write', {
      security: disabledOrEnabled,
      summary: 'Disable an account and end its sessions, or enable it again',
      params: Id,
      body: closed({ disabled: Type.Boolean(), reason: Why }),
      response: { 200: Type.Ref('Buyer'), ...problems(401, 403, 404, 422) },
    }),
    async (request) => {
      const { disabled, reason } = request.body
      const { id } = request.params
      await readBuyer(db, id)
      const action = disabled ? 'buyer.disable' : 'buyer.enable'
      await change(context, request, { id, action, note: reason }, async ({ tx, now }) => {
        const { disabled_at: since } = await holdAccount(tx, id)
        await setDisabled(tx, id, disabled, now)
        return { before: { disabled: since !== null }, after: { disabled } }
      })
      return readBuyer(db, id)
    },
  )

  admin.post(
    '/buyers/:id/password',
    route('buyers.write', {
      security: 'account.password',
      summary: 'Make up a new password, shown only in this answer, good for seven days, and end the sessions',
      params: Id,
      body: closed({ reason: Why }),
      response: { 200: Type.Object({ password: Type.String() }), ...problems(401, 403, 404, 422, 429) },
    }),
    async (request, reply) => {
      const { id } = request.params
      await readBuyer(db, id)
      const { password, hash } = await newPassword({ kind: 'staff', from: String(staffOf(request).user.id) })
      const { reason } = request.body
      await change(context, request, { id, action: 'buyer.password', note: reason }, async ({ tx, now }) => {
        const { password_due: due } = await holdAccount(tx, id)
        await setPassword(tx, id, hash, now)
        return { before: { passwordDue: due }, after: { passwordDue: true } }
      })
      return reply.header('cache-control', 'no-store').send({ password })
    },
  )
}

/** A change to a buyer, audited with the reason. */
const change = (
  context: AdminContext,
  request: FastifyRequest,
  { id, action, note }: { id: number; action: string; note: string },
  work: (acting: Acting) => Promise<Pick<AuditEntry, 'before' | 'after'>>,
): Promise<unknown> =>
  adminAction(context, {
    request,
    work,
    audit: (changed) => ({ action, subject: `buyers/${id}`, ...changed, note }),
    view: () => ({}),
  })

/** Locks the account and returns its state before the change. @throws ShopError USER_NOT_FOUND */
async function holdAccount(tx: Transaction, id: number) {
  return tx
    .selectFrom('users')
    .select(['disabled_at', 'password_due'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => new ShopError('USER_NOT_FOUND'))
}
