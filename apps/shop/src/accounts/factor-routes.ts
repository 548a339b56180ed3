/** One's own second factor at the desk: turned on by its first code, recovery codes, turned off by password and code. */
import { Type } from 'typebox'
import type { Application } from '../http/application.ts'
import { Moment, Nothing, problems, writeMomentOrNull } from '../http/shapes.ts'
import { audit } from './audit.ts'
import { confirmPassword } from './change-password.ts'
import { staffOf } from './desk.ts'
import {
  beginFactor,
  confirmFactor,
  type Factors,
  readFactor,
  removeFactor,
  replaceCodes,
  takeCode,
} from './second-factor.ts'
import { uriOf } from './totp.ts'

const Password = Type.String({ minLength: 1, maxLength: 200 })
export const Code = Type.String({
  minLength: 6,
  maxLength: 40,
  description: 'Six digits of the application, or a recovery code',
})
const PasswordAndCode = Type.Object({ password: Password, code: Code }, { additionalProperties: false })
const RecoveryCodes = Type.Object({
  recoveryCodes: Type.Array(Type.String(), { description: 'Each good once, shown only now' }),
})

export interface FactorDesk extends Factors {
  readonly clock: () => Date
  /** What the authenticator application calls the shop. */
  readonly issuer: () => string
}

export function addFactorDesk(desk: Application, { clock, issuer, ...factors }: FactorDesk): void {
  const { db } = factors
  const tags = ['desk: profile']
  const config = { right: 'desk.see' } as const

  desk.get(
    '/profile/second-factor',
    {
      config,
      schema: {
        tags,
        summary: 'Whether my login asks for a code',
        response: {
          200: Type.Object({
            since: Type.Union([Moment, Type.Null()], { description: 'Null while it does not' }),
            recoveryCodesLeft: Type.Integer(),
          }),
          ...problems(401, 403),
        },
      },
    },
    async (request) => {
      const { since, codesLeft } = await readFactor(factors, staffOf(request).user.id)
      return { since: writeMomentOrNull(since), recoveryCodesLeft: codesLeft }
    },
  )

  desk.post(
    '/profile/second-factor',
    {
      config,
      schema: {
        tags,
        summary: 'Make a secret for an authenticator application; a secret that waits for its first code is replaced',
        body: Type.Object({ password: Password }, { additionalProperties: false }),
        response: {
          200: Type.Object({ secret: Type.String(), uri: Type.String({ description: 'What the QR code says' }) }),
          ...problems(401, 403, 409, 422, 429),
        },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      await confirmPassword(db, staff, request.body.password, clock())
      const secret = await beginFactor(factors, staff.user.id, clock())
      const uri = uriOf(secret, { username: staff.user.username, issuer: issuer() })
      return reply.header('cache-control', 'no-store').send({ secret, uri })
    },
  )

  desk.post(
    '/profile/second-factor/confirm',
    {
      config,
      schema: {
        tags,
        summary: 'Turn it on by its first code; other sessions end',
        body: Type.Object({ code: Type.String({ pattern: '^\\d{6}$' }) }, { additionalProperties: false }),
        response: { 200: RecoveryCodes, ...problems(401, 403, 409, 422, 429) },
      },
    },
    async (request, reply) => {
      const recoveryCodes = await confirmFactor(factors, staffOf(request), request.body.code, clock())
      return reply.header('cache-control', 'no-store').send({ recoveryCodes })
    },
  )

  desk.post(
    '/profile/second-factor/recovery-codes',
    {
      config,
      schema: {
        tags,
        summary: 'Ten new recovery codes in place of those there were',
        body: PasswordAndCode,
        response: { 200: RecoveryCodes, ...problems(401, 403, 422, 429) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const { password, code } = request.body
      const at = clock()
      await confirmPassword(db, staff, password, at)
      await takeCode(factors, staff.user.id, code, at)
      const recoveryCodes = await db.transaction().execute(async (tx) => {
        const subject = `staff/${staff.user.id}`
        await audit(tx, staff, { at, action: 'profile.recovery-codes', subject })
        return replaceCodes(tx, staff.user.id)
      })
      return reply.header('cache-control', 'no-store').send({ recoveryCodes })
    },
  )

  desk.post(
    '/profile/second-factor/off',
    {
      config,
      schema: {
        tags,
        summary: 'Turn it off, by password and code',
        body: PasswordAndCode,
        response: { 204: Nothing, ...problems(401, 403, 422, 429) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const { password, code } = request.body
      const at = clock()
      await confirmPassword(db, staff, password, at)
      await takeCode(factors, staff.user.id, code, at)
      await db.transaction().execute(async (tx) => {
        if (!(await removeFactor(tx, staff.user.id))) return
        const deed = { at, action: 'profile.factor-off', subject: `staff/${staff.user.id}` }
        await audit(tx, staff, { ...deed, before: { secondFactor: true }, after: { secondFactor: false } })
      })
      return reply.code(204).send(null)
    },
  )
}
