/** Buyers at the staff's desk: search, one with what they own, grant and revoke, disable, a new password. */
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { type Staff, staffOf } from '../accounts/desk.ts'
import { newPassword, setDisabled, setPassword } from '../accounts/manage.ts'
import type { Database, Transaction } from '../database/connect.ts'
import { grantByStaff, revokeByStaff } from '../enrolments/by-staff.ts'
import type { Application } from '../http/application.ts'
import { problems } from '../http/shapes.ts'
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
        summary: 'Grant a course, with a reason',
        params: Id,
        body: Type.Object({ courseId: CourseId, reason: Why }, { additionalProperties: false }),
        response: { 201: Type.Ref('Buyer'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { courseId, reason } = request.body
      const { id } = request.params
      await readBuyer(db, id)
      await change(staffOf(request), id, 'access.grant', reason, { courseId }, (tx, staff, now) =>
        grantByStaff(tx, { userId: id, courseId, staffId: staff.user.id, reason, now }),
      )
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
      await change(staffOf(request), id, 'access.revoke', reason, { courseId }, (tx, staff, now) =>
        revokeByStaff(tx, { userId: id, courseId, staffId: staff.user.id, reason, now }),
      )
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
      await change(
        staffOf(request),
        id,
        disabled ? 'buyer.disable' : 'buyer.enable',
        reason,
        { disabled },
        (tx, _, now) => setDisabled(tx, id, disabled, now),
      )
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
      await change(staffOf(request), id, 'buyer.password', request.body.reason, {}, (tx, _, now) =>
        setPassword(tx, id, hash, now),
      )
      return reply.header('cache-control', 'no-store').send({ password })
    },
  )

  /** The change and its line in the audit log, together or not at all. */
  const change = (
    staff: Staff,
    id: number,
    action: string,
    note: string,
    after: Record<string, unknown>,
    work: (tx: Transaction, staff: Staff, now: Date) => Promise<void>,
  ): Promise<void> =>
    db.transaction().execute(async (tx) => {
      const at = clock()
      await work(tx, staff, at)
      await audit(tx, staff, { at, action, subject: `buyers/${id}`, after, note })
    })
}
