/** Who is asking: the token of the header or of the cookie, read once a request. */
import type { FastifyRequest } from 'fastify'
import { ShopError } from '../errors.ts'
import type { Sessions, Viewer } from './sessions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open to a session whose password is due as well: to change it, to say who it is, to leave. */
    evenPasswordDue?: boolean
  }
}

export const SESSION_COOKIE = 'xuecheng_session'

export interface Viewers {
  /** Who asks, or undefined for nobody; also for somebody whose password is due. */
  find(request: FastifyRequest): Promise<Viewer | undefined>
  /** @throws ShopError LOGIN_REQUIRED, PASSWORD_DUE */
  require(request: FastifyRequest): Promise<Viewer>
}

/**
 * Tokens come as `Authorization: Bearer` (`jwt` is taken as well) or in the session cookie. A cookie rides along on
 * requests that other sites cause, so with it a changing request must come from this shop's own pages.
 */
export function createViewers(sessions: Sessions, publicUrl: string): Viewers {
  const recognise = async (request: FastifyRequest): Promise<Viewer | undefined> => {
    const header = /^(?:bearer|jwt) +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (header) return sessions.find(header)
    const cookie = request.cookies[SESSION_COOKIE]
    if (!cookie) return undefined
    refuseOtherSites(request, publicUrl)
    return sessions.find(cookie)
  }
  return {
    async find(request) {
      const viewer = await recognise(request)
      return viewer && mayGoOn(viewer, request) ? viewer : undefined
    },
    async require(request) {
      const viewer = await recognise(request)
      if (!viewer) throw new ShopError('LOGIN_REQUIRED')
      if (!mayGoOn(viewer, request)) throw new ShopError('PASSWORD_DUE')
      return viewer
    },
  }
}

const mayGoOn = ({ user }: Viewer, request: FastifyRequest): boolean =>
  !user.passwordDue || request.routeOptions.config.evenPasswordDue === true

/** @throws ShopError FORBIDDEN_ORIGIN for a changing request that another site's page caused. */
export function refuseOtherSites(request: FastifyRequest, publicUrl: string): void {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return
  const { origin } = request.headers
  if (origin === undefined) return // not a browser: browsers name the origin of every changing request
  const own = [new URL(publicUrl).origin, `${request.protocol}://${request.headers.host}`]
  if (!own.includes(origin)) throw new ShopError('FORBIDDEN_ORIGIN')
}
