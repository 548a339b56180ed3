/** The authenticated principal of a request, from the token in its header or cookie; read once per request. */
import type { FastifyRequest } from 'fastify'
import { ShopError } from '../errors.ts'
import { cookieNames } from './cookies.ts'
import { CLOSED, type DemoPasswordPolicy } from './passwords/demo-passwords.ts'
import { noteActor } from './security-log/hooks.ts'
import type { Principal, Sessions } from './sessions/sessions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open even to a session that must change its password first: to change it, to see one's account, to log out. */
    evenPasswordDue?: boolean
    /** Open even to a session that must set up a second factor first. */
    evenFactorDue?: boolean
  }
}

/** The account that a page acts for: an action started as one account is not done as another that logged in since. */
const ACCOUNT = 'x-account'

export interface Principals {
  /** Whether the request carries a token, valid or not. */
  hasToken(request: FastifyRequest): boolean
  /**
   * The account of a request's token, as far as it is known without a query and before cookies are parsed. Grants
   * nothing.
   */
  accountOf(request: FastifyRequest): string | undefined
  /** The principal; undefined without one, and while its password or second factor is due. */
  find(request: FastifyRequest): Promise<Principal | undefined>
  /**
   * @param anew checks again that the session is active, for requests that last long
   * @throws ShopError LOGIN_REQUIRED, PASSWORD_DUE, SECOND_FACTOR_DUE
   */
  require(request: FastifyRequest, anew?: 'anew'): Promise<Principal>
}

/**
 * Tokens come as `Authorization: Bearer` (or `jwt`) or in the session cookie. Browsers send the cookie with requests
 * that other sites cause, so a changing request with a cookie must come from this shop's own pages.
 */
export function createPrincipals(sessions: Sessions, publicUrl: string, demo: DemoPasswordPolicy = CLOSED): Principals {
  const inCookies = new RegExp(`(?:^|[; ])${cookieNames(publicUrl).session}=([\\w.-]+)`)
  const recognised = new WeakMap<FastifyRequest, Promise<Principal | undefined>>()
  const recognise = async (request: FastifyRequest): Promise<Principal | undefined> => {
    const token = tokenOf(request, publicUrl)
    if (!token) return undefined
    if (token.from === 'cookie') refuseOtherSites(request, publicUrl)
    const principal = await sessions.find(token.text)
    const meant = request.headers[ACCOUNT]
    if (meant !== undefined && meant !== String(principal?.user.id)) return undefined
    noted(request, principal)
    // A session begun with a demo password, before the shop was live or on its own machine, is valid only where that
    // is.
    return principal?.byDemoPassword && (await demo.refusal(request)) ? undefined : principal
  }
  const recogniseOnce = (request: FastifyRequest): Promise<Principal | undefined> => {
    const before = recognised.get(request)
    if (before) return before
    const now = recognise(request)
    recognised.set(request, now)
    return now
  }
  return {
    hasToken: (request) => tokenOf(request, publicUrl) !== undefined,
    accountOf({ headers }) {
      const token = headerToken(headers.authorization) ?? inCookies.exec(headers.cookie ?? '')?.[1]
      return token === undefined ? undefined : sessions.known(token)
    },
    async find(request) {
      const principal = await recogniseOnce(request)
      return principal && !whatIsDue(principal, request) ? principal : undefined
    },
    async require(request, anew) {
      const { access } = request.routeOptions.config
      if (access === 'anyone') throw new Error("A route with access 'anyone' requires an account: declare its access")
      const principal = await (anew ? recognise(request) : recogniseOnce(request))
      if (!principal) throw new ShopError('LOGIN_REQUIRED')
      const due = whatIsDue(principal, request)
      if (due) throw new ShopError(due)
      return principal
    },
  }
}

/** Records the principal for the security log. */
function noted(request: FastifyRequest, principal: Principal | undefined): Principal | undefined {
  if (principal) noteActor(request, { userId: principal.user.id, session: principal.sessionId })
  return principal
}

const headerToken = (header: string | undefined): string | undefined =>
  /^(?:bearer|jwt) +(\S+)$/i.exec(header ?? '')?.[1]

/** The token of the header, or else of the cookie. */
function tokenOf(request: FastifyRequest, publicUrl: string): { text: string; from: 'header' | 'cookie' } | undefined {
  const header = headerToken(request.headers.authorization)
  if (header) return { text: header, from: 'header' }
  const cookie = request.cookies[cookieNames(publicUrl).session]
  return cookie ? { text: cookie, from: 'cookie' } : undefined
}

/** What this person must do first, unless the route is open regardless. */
function whatIsDue({ user }: Principal, request: FastifyRequest): 'PASSWORD_DUE' | 'SECOND_FACTOR_DUE' | undefined {
  const { evenPasswordDue, evenFactorDue } = request.routeOptions.config
  if (user.passwordDue && !evenPasswordDue) return 'PASSWORD_DUE'
  if (user.factorDue && !evenPasswordDue && !evenFactorDue) return 'SECOND_FACTOR_DUE'
  return undefined
}

/** @throws ShopError FORBIDDEN_ORIGIN for a changing request that another site's page caused */
export function refuseOtherSites(request: FastifyRequest, publicUrl: string): void {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return
  const { origin } = request.headers
  if (origin === undefined) return // not a browser: browsers send the origin with every changing request
  const own = [new URL(publicUrl).origin, `${request.protocol}://${request.headers.host}`]
  if (!own.includes(origin)) throw new ShopError('FORBIDDEN_ORIGIN')
}
