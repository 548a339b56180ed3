/**
 * Records security events of all requests: refused access, foreign origins, limits and invalid input; and, for a route
 * with `config: { security }`, its success or refusal. A route only has to name its event.
 */
import type { FastifyRequest } from 'fastify'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { type SecurityEvent, type SecurityEventName, type SecurityLog, securityEvent } from './security-log.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's event for the security log. An `account.…` event is about the account with the `id` of the path. */
    security?: SecurityEventName | ((request: FastifyRequest) => SecurityEventName)
  }
}

type Who = Pick<SecurityEvent, 'userId' | 'name' | 'session' | 'reason'>

const noted = new WeakMap<FastifyRequest, { actor: Who; about?: number }>()

/** Records the principal as soon as it is known: the account, or a typed name without an account. */
export function noteActor(request: FastifyRequest, who: Who): void {
  const { actor, ...rest } = noted.get(request) ?? { actor: {} }
  noted.set(request, { ...rest, actor: { ...actor, ...who } })
}

/** Records the account that a request is about, if its path does not say. */
export function noteAbout(request: FastifyRequest, userId: number): void {
  noted.set(request, { actor: {}, ...noted.get(request), about: userId })
}

/** Refusals that are recorded for every route. */
const ALWAYS: Readonly<Record<string, SecurityEventName>> = {
  FORBIDDEN_ORIGIN: 'origin.refused',
  NOT_ALLOWED: 'access.refused',
  LOGIN_REQUIRED: 'access.refused',
  PASSWORD_DUE: 'access.refused',
  SECOND_FACTOR_DUE: 'access.refused',
  INVALID_INPUT: 'input.refused',
  MALFORMED_REQUEST: 'input.refused',
  UNSUPPORTED_MEDIA_TYPE: 'input.refused',
  TOO_LARGE: 'input.refused',
}

/** Refusals that are recorded for routes without an event of their own. */
const ELSEWHERE: Readonly<Record<string, SecurityEventName>> = {
  TOO_MANY_ATTEMPTS: 'limit.hit',
  TOO_MANY_STREAMS: 'limit.hit',
  ACCOUNT_DISABLED: 'access.refused',
  COURSE_NOT_OWNED: 'access.refused',
  PROOF_REQUIRED: 'access.refused',
}

export function addSecurityHooks(app: Application, log: SecurityLog): void {
  app.decorate('securityLog', log)
  app.addHook('onClose', () => log.close())

  app.addHook('onError', async (request, _reply, error) => {
    const code = error instanceof ShopError ? error.code : codeOf(error)
    if (code === undefined) return
    const always = ALWAYS[code]
    const security = eventOf(request)
    const { actor = {}, about } = noted.get(request) ?? {}
    if (code === 'LOGIN_REQUIRED' && hasToken(request)) {
      return securityEvent(request, { ...actor, event: 'session.refused', outcome: 'refused', reason: code })
    }
    const event = always ?? security ?? ELSEWHERE[code]
    if (!event) return
    const needsCode = event === 'login' || event === 'proof'
    const outcome = needsCode && code === 'SECOND_FACTOR_REQUIRED' ? 'asked' : 'refused'
    const subject = always ? actor : aboutWhom(request, event, actor, about)
    securityEvent(request, { ...subject, event, outcome, reason: code })
  })

  // Before the first byte: a client that hangs up or breaks off a download has caused the event all the same.
  app.addHook('onSend', async (request, reply) => {
    const security = eventOf(request)
    if (!security || reply.statusCode >= 400) return
    const { actor = {}, about } = noted.get(request) ?? {}
    securityEvent(request, { ...aboutWhom(request, security, actor, about), event: security, outcome: 'ok' })
  })
}

const eventOf = (request: FastifyRequest): SecurityEventName | undefined => {
  const { security } = request.routeOptions.config
  return typeof security === 'function' ? security(request) : security
}

/** The event of a route that disables or enables an account. */
export const disabledOrEnabled = ({ body }: FastifyRequest): SecurityEventName =>
  typeof body === 'object' && body !== null && 'disabled' in body && body.disabled === false
    ? 'account.enabled'
    : 'account.disabled'

/** Framework errors that are answered as problems. */
function codeOf(error: { validation?: unknown; code?: string; statusCode?: number }): string | undefined {
  if (error.validation) return 'INVALID_INPUT'
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'TOO_LARGE'
  if (error.code?.startsWith('FST_ERR_CTP_')) return 'MALFORMED_REQUEST'
  return undefined
}

const hasToken = ({ headers, cookies }: FastifyRequest): boolean =>
  headers.authorization !== undefined || Object.keys(cookies ?? {}).some((name) => name.endsWith('session'))

/** An action of staff on another account is recorded for that account, with the staff member. */
function aboutWhom(
  request: FastifyRequest,
  event: SecurityEventName,
  actor: Who,
  about?: number,
): Partial<SecurityEvent> {
  if (!event.startsWith('account.')) return actor
  const { params } = request
  const id = typeof params === 'object' && params !== null && 'id' in params ? Number(params.id) : Number.NaN
  const userId = about ?? (Number.isSafeInteger(id) ? id : undefined)
  return { ...actor, userId, by: actor.userId }
}
