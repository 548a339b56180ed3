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

const PREFIX = '/api/admin'
const AT_THE_DESK = Symbol('at the desk')

/**
 * Registers the subjects' staff routes, their addresses relative to `/api/admin`. Comes before every other route: from
 * here on none is added under that address past the desk, nor one that the API's description does not show.
 * @param saw told of the session of every request that is let in
 * @throws Error for a route without a right, a hidden one, or one that is not at the desk; also when it is added later
 */
export function addDesk(
  app: Application,
  viewers: Viewers,
  saw: (sessionId: string) => void,
  add: (desk: Application) => void,
): void {
  app.addHook('onRoute', function ({ url, config, schema }) {
    if (url !== PREFIX && !url.startsWith(`${PREFIX}/`)) return
    if (!this.hasDecorator(AT_THE_DESK)) throw new Error(`${url} is not registered at the desk`)
    if (!config?.right) throw new Error(`${url} does not say which right it needs`)
    // Whoever tests the rights reads the addresses from the description.
    if (schema?.hide || schema?.tags?.includes('X-HIDDEN')) throw new Error(`${url} is hidden from the description`)
  })
  app.register(
    async (desk) => {
      desk.decorate(AT_THE_DESK, true)
      desk.addHook('onRequest', async (request) => {
        const { user, sessionId } = await viewers.require(request)
        const { right } = request.routeOptions.config
        if (!right || !mayDo(user.role, right)) throw new ShopError('NOT_ALLOWED')
        saw(sessionId)
        atTheDesk.set(request, { user, sessionId, address: request.ip })
      })
      add(desk)
    },
    { prefix: PREFIX },
  )
}

/** Who asks, at an address of the desk. */
export function staffOf(request: FastifyRequest): Staff {
  const staff = atTheDesk.get(request)
  if (!staff) throw new ShopError('NOT_ALLOWED')
  return staff
}
