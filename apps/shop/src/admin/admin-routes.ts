/** The admin routes: every path under `/api/admin` declares the permission it needs, which is checked first. */
import type { FastifyContextConfig, FastifyRequest, FastifySchema } from 'fastify'
import { requireCredentialProof } from '../auth/credential-proof.ts'
import type { Principals } from '../auth/principal.ts'
import type { User } from '../auth/sessions/sessions.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { mayDo, type Right } from './permissions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    right?: Right
    /**
     * Requires password and second factor again when the session's last proof is older than ten minutes, and notifies
     * all other owners. `sometimes`: depends on the request, checked by `requireProof`.
     */
    proof?: true | 'sometimes'
  }
}

/** The staff member who makes the request, and the address, for the audit log. */
export interface Staff {
  readonly user: User
  readonly sessionId: string
  readonly address: string
  readonly provedAt: Date | null
  /** The action is shown to all other owners. */
  readonly sensitive?: boolean
  /** Logged in with a demo password. */
  readonly byDemoPassword?: boolean
}

const staffOfRequest = new WeakMap<FastifyRequest, Staff>()

const PREFIX = '/api/admin'
const ADMIN = Symbol('admin routes')

export interface AdminGate {
  readonly principals: Principals
  /** Called with the session of each admitted request that a person made. */
  readonly saw: (sessionId: string) => void
  readonly clock: () => Date
}

/** A page sends this header with requests that it makes by itself, without a user's action. */
const UNATTENDED = 'x-unattended'

/**
 * Registers the subjects' admin routes, with paths relative to `/api/admin`. Must come before every other route: from
 * then on, no route can be added under that path outside of the admin routes or hidden from the API description.
 * @throws Error for a route without a permission, a hidden one, or one outside of the admin routes; also when added
 *   later
 */
export function addAdminRoutes(
  app: Application,
  { principals, saw, clock }: AdminGate,
  add: (admin: Application) => void,
): void {
  app.addHook('onRoute', function (route) {
    const { url, config, schema } = route
    if (url !== PREFIX && !url.startsWith(`${PREFIX}/`)) return
    if (!this.hasDecorator(ADMIN)) throw new Error(`${url} is not registered under the admin routes`)
    if (!config?.right) throw new Error(`${url} does not say which right it needs`)
    // The test of the permissions reads all paths from the description.
    if (schema?.hide || schema?.tags?.includes('X-HIDDEN')) throw new Error(`${url} is hidden from the description`)
    // The description shows which routes need a proof.
    const proof = config.proof === true ? 'always' : config.proof
    if (proof) route.schema = Object.assign({ ...schema }, { 'x-proof': proof })
  })
  app.register(
    async (admin) => {
      admin.decorate(ADMIN, true)
      admin.addHook('onRequest', async (request) => {
        const { user, sessionId, provedAt, byDemoPassword } = await principals.require(request)
        const { right, proof } = request.routeOptions.config
        if (!right || !mayDo(user.role, right)) throw new ShopError('NOT_ALLOWED')
        if (request.headers[UNATTENDED] === undefined) saw(sessionId)
        const sensitive = proof === true
        if (sensitive) requireCredentialProof({ provedAt }, clock())
        staffOfRequest.set(request, { user, sessionId, address: request.ip, provedAt, sensitive, byDemoPassword })
      })
      add(admin)
    },
    { prefix: PREFIX },
  )
}

type RouteDescription = Omit<FastifySchema, 'security'> &
  Pick<FastifyContextConfig, 'security' | 'proof' | 'evenFactorDue'> & { readonly bodyLimit?: number }

/** Declares a route: the permission that it needs, and its schema, listed under its subject in the API description. */
export const adminRoute =
  (subject: string) =>
  <const Description extends RouteDescription>(right: Right, description: Description) => {
    const { security, proof, evenFactorDue, bodyLimit, ...schema } = description
    return {
      config: {
        right,
        ...(security && { security }),
        ...(proof && { proof }),
        ...(evenFactorDue && { evenFactorDue }),
      },
      ...(bodyLimit !== undefined && { bodyLimit }),
      schema: { tags: [`back office: ${subject}`], ...schema },
    }
  }

/** The staff member of a request to an admin route. */
export function staffOf(request: FastifyRequest): Staff {
  const staff = staffOfRequest.get(request)
  if (!staff) throw new ShopError('NOT_ALLOWED')
  return staff
}
