/** The credential proof of a session: reading whether it is fresh, and renewing it. */
import { Type } from 'typebox'
import type { Application } from '../http/application.ts'
import { closed, Moment, problems, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { credentialProofEnds } from './credential-proof.ts'
import { type Principals, refuseOtherSites } from './principal.ts'
import { renewCredentialProof } from './renew-credential-proof.ts'
import { Code } from './second-factor/routes.ts'
import type { Factors } from './second-factor/second-factor.ts'

export interface ProofRoutes extends Factors {
  readonly principals: Principals
  readonly clock: () => Date
  readonly publicUrl: string
}

export function addProofRoutes(app: Application, { db, encryption, principals, clock, publicUrl }: ProofRoutes): void {
  const tags = ['accounts']
  const config = { access: 'account', evenFactorDue: true } as const

  app.get(
    '/api/session/proof',
    {
      config,
      schema: {
        tags,
        summary: 'When the credential proof expires and the password must be entered again',
        response: { 200: Type.Object({ until: Type.Union([Moment, Type.Null()]) }), ...problems(401, 403) },
      },
    },
    async (request, reply) => {
      const { provedAt } = await principals.require(request)
      reply.header('cache-control', 'no-store')
      return { until: writeMomentOrNull(credentialProofEnds(provedAt, clock()) ?? null) }
    },
  )

  app.post(
    '/api/session/proof',
    {
      config: { ...config, security: 'proof' },
      schema: {
        tags,
        summary: 'Enter the password again; after SECOND_FACTOR_REQUIRED, repeat the request with a code',
        body: closed({ password: Type.String({ minLength: 1, maxLength: 200 }), code: Type.Optional(Code) }),
        response: { 200: Type.Object({ until: Moment }), ...problems(401, 403, 422, 429) },
      },
    },
    async (request) => {
      refuseOtherSites(request, publicUrl)
      const principal = await principals.require(request)
      const until = await renewCredentialProof(
        { db, encryption },
        { ...principal, address: request.ip },
        request.body,
        clock(),
      )
      return { until: writeMoment(until) }
    },
  )
}
