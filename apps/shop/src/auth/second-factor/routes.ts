/**
 * Routes for one's own second factor in the back office: turn on, new recovery codes, turn off; each needs a fresh
 * proof.
 */
import { Type } from 'typebox'
import { adminAction } from '../../admin/action.ts'
import { adminRoute, staffOf } from '../../admin/admin-routes.ts'
import type { Application } from '../../http/application.ts'
import { closed, Moment, Nothing, problems, writeMomentOrNull } from '../../http/shapes.ts'
import {
  beginFactor,
  confirmFactor,
  type Factors,
  readFactor,
  removeFactor,
  replaceCodes,
  requireFactor,
} from './second-factor.ts'
import { uriOf } from './totp.ts'

const route = adminRoute('profile')

export const Code = Type.String({
  minLength: 6,
  maxLength: 40,
  description: 'Six digits from the authenticator application, or a recovery code',
})
const RecoveryCodes = Type.Object({
  recoveryCodes: Type.Array(Type.String(), { description: 'Each valid once; shown only in this answer' }),
})

export interface FactorAdmin extends Factors {
  readonly clock: () => Date
  /** The shop's name in the authenticator application. */
  readonly issuer: () => string
}

const proof = { evenFactorDue: true, proof: true } as const

export function addFactorAdminRoutes(admin: Application, factors: FactorAdmin): void {
  addTurningOnRoutes(admin, factors)
  addTurnedOnRoutes(admin, factors)
}

function addTurningOnRoutes(admin: Application, { clock, issuer, ...factors }: FactorAdmin): void {
  admin.get(
    '/profile/second-factor',
    route('admin.enter', {
      evenFactorDue: true,
      summary: 'Whether my login requires a code',
      response: {
        200: Type.Object({
          since: Type.Union([Moment, Type.Null()], { description: 'Null while it is off' }),
          recoveryCodesLeft: Type.Integer(),
        }),
        ...problems(401, 403),
      },
    }),
    async (request) => {
      const { since, codesLeft } = await readFactor(factors, staffOf(request).user.id)
      return { since: writeMomentOrNull(since), recoveryCodesLeft: codesLeft }
    },
  )

  admin.post(
    '/profile/second-factor',
    route('admin.enter', {
      ...proof,
      summary: 'Create a secret for an authenticator application; replaces one that is not confirmed yet',
      response: {
        200: Type.Object({ secret: Type.String(), uri: Type.String({ description: 'The content of the QR code' }) }),
        ...problems(401, 403, 409),
      },
    }),
    async (request, reply) => {
      const staff = staffOf(request)
      const secret = await beginFactor(factors, staff.user.id, clock())
      const uri = uriOf(secret, { username: staff.user.username, issuer: issuer() })
      return reply.header('cache-control', 'no-store').send({ secret, uri })
    },
  )

  admin.post(
    '/profile/second-factor/confirm',
    route('admin.enter', {
      ...proof,
      security: 'second-factor.on',
      summary: 'Turn it on with its first code; other sessions end',
      body: closed({ code: Type.String({ maxLength: 6, pattern: '^\\d{6}$' }) }),
      response: { 200: RecoveryCodes, ...problems(401, 403, 409, 422, 429) },
    }),
    async (request, reply) => {
      const recoveryCodes = await confirmFactor(factors, staffOf(request), request.body.code, clock())
      return reply.header('cache-control', 'no-store').send({ recoveryCodes })
    },
  )
}

function addTurnedOnRoutes(admin: Application, factors: FactorAdmin): void {
  admin.post(
    '/profile/second-factor/recovery-codes',
    route('admin.enter', {
      ...proof,
      security: 'recovery-codes.made',
      summary: 'Replace all recovery codes with ten new ones',
      response: { 200: RecoveryCodes, ...problems(401, 403, 409) },
    }),
    async (request, reply) => {
      const recoveryCodes = await adminAction(factors, {
        request,
        work: async ({ tx, staff }) => {
          await requireFactor(tx, staff.user.id)
          return replaceCodes(tx, staff.user.id)
        },
        audit: (_, { staff }) => ({ action: 'profile.recovery-codes', subject: `staff/${staff.user.id}` }),
        view: (codes) => codes,
      })
      return reply.header('cache-control', 'no-store').send({ recoveryCodes })
    },
  )

  admin.post(
    '/profile/second-factor/off',
    route('admin.enter', {
      ...proof,
      security: 'second-factor.off',
      summary: 'Turn it off',
      response: { 204: Nothing, ...problems(401, 403) },
    }),
    async (request, reply) => {
      await adminAction(factors, {
        request,
        work: ({ tx, staff }) => removeFactor(tx, staff.user.id),
        audit: (removed, { staff }) => {
          const [before, after] = [{ secondFactor: true }, { secondFactor: false }]
          return removed
            ? { action: 'profile.factor-off', subject: `staff/${staff.user.id}`, before, after }
            : undefined
        },
      })
      return reply.code(204).send(null)
    },
  )
}
