/** The staff's desk: every address under `/api/admin`, each of which names the right it needs, enforced before anything else. */
import type { FastifyRequest } from 'fastify'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { mayDo, type Right } from './rights.ts'
import type { User } from './sessions.ts'
import type { Viewers } from './viewer.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    right?: Right
  }
}

/** Who of the staff asks, and from where: what the audit log keeps. */
export interface Staff {
  readonly user: User
  readonly sessionId: string
  readonly address: string
}

const atTheDesk = new WeakMap<FastifyRequest, Staff>()

/**
 * Registers the subjects' staff routes, their addresses relative to `/api/admin`.
 * @param saw told of the session of every request that is let in
 * @throws Error for a route without a right
 */
export function addDesk(
  app: Application,
  viewers: Viewers,
  saw: (sessionId: string) => void,
  add: (desk: Application) => void,
): void {
  app.register(
    async (desk) => {
      desk.addHook('onRoute', ({ url, config }) => {
        if (!config?.right) throw new Error(`${url} does not say which right it needs`)
      })
      desk.addHook('onRequest', async (request) => {
        const { user, sessionId } = await viewers.require(request)
        const { right } = request.routeOptions.config
        if (!right || !mayDo(user.role, right)) throw new ShopError('NOT_ALLOWED')
        saw(sessionId)
        atTheDesk.set(request, { user, sessionId, address: request.ip })
      })
      add(desk)
    },
    { prefix: '/api/admin' },
  )
}

/** Who asks, at an address of the desk. */
export function staffOf(request: FastifyRequest): Staff {
  const staff = atTheDesk.get(request)
  if (!staff) throw new ShopError('NOT_ALLOWED')
  return staff
}
