/**
 * Builds the HTTP application: validation, problems, cookies, limits, security headers, the OpenAPI document. No
 * routes.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController, type RawServerDefault } from 'fastify'
import { ShopError } from '../errors.ts'
import { nameClients } from './addresses/client-address.ts'
import { limitBodies } from './bodies/body-limits.ts'
import { boundBodies, type Patience } from './bodies/body-reading.ts'
import { refuseBrokenText } from './bodies/broken-text.ts'
import { readJsonBodies } from './bodies/json-bodies.ts'
import { refuseUnread } from './bodies/unread.ts'
import type { Overload } from './load/overload.ts'
import { answerProblems, Problem, sendProblem } from './problem.ts'
import { securityHeaders } from './security-headers.ts'
import { serializersOnDemand } from './serializers.ts'
import { boundedValidator } from './validation.ts'

/** A Fastify application whose handlers take their types from the TypeBox schemas of their routes. */
export type Application = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface ApplicationOptions {
  readonly logger: FastifyBaseLogger
  /** The number of reverse proxies in front of the shop. */
  readonly trustedProxies: number
  readonly publicUrl: string
  readonly overload: Overload
  /** Overrides the body deadlines in tests. */
  readonly patience?: Patience
}

/** The body limit of requests that match no route. */
const BODY_LIMIT = 1024
/** Deadline for a request's headers, counted from the connection or the previous answer. */
const HEADERS_MS = 15_000
/**
 * Closes a connection without traffic in either direction. Event streams and playing videos have traffic more often.
 */
const SILENCE_MS = 120_000
/** How often Node checks its connections for expired deadlines. */
const LOOK_EVERY_MS = 5000

export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const app = Fastify({
    loggerInstance: options.logger,
    trustProxy: (_address, hop) => hop < options.trustedProxies,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: 100 },
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: { compilersFactory: { buildSerializer: serializersOnDemand } },
    // `body-reading.ts` sets a deadline for each body.
    requestTimeout: 0,
    connectionTimeout: SILENCE_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: LOOK_EVERY_MS },
    forceCloseConnections: true,
    frameworkErrors: (_error, request, reply) => sendProblem(request, reply, new ShopError('MALFORMED_REQUEST')),
    clientErrorHandler: refuseUnread,
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(boundedValidator)
  // Without this, a scope that adds schemas would use Fastify's own validator, which converts values and drops unknown
  // ones.
  app.addHook('onRegister', (scope) => {
    scope.setValidatorCompiler(boundedValidator)
  })
  app.addSchema(Problem)
  nameClients(app)
  answerProblems(app)
  options.overload.guard(app)
  boundBodies(app, options.patience)
  limitBodies(app)
  readJsonBodies(app)
  readNothingForHead(app)
  refuseBrokenText(app)
  await app.register(cookie)
  const headers = securityHeaders(options.publicUrl)
  // Unless its route says otherwise, an answer under /api depends on the user and may not be reused.
  const ofTheMoment = { ...headers, 'cache-control': 'private, no-store' }
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(request.routeOptions.url?.startsWith('/api/') ? ofTheMoment : headers)
    done()
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Xuecheng 学城', version: '1', description: DESCRIPTION },
      servers: [{ url: '/' }],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json['$id'] ?? `schema-${index}`) },
  })
  // The bar at the top sets an inline style, which the content policy refuses; the page does without it.
  await app.register(swaggerUi, { routePrefix: '/api/docs', uiConfig: { layout: 'BaseLayout' } })
  app.get('/api/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()))
  return app
}

/**
 * For HEAD, Fastify reads and discards the whole stream; for a video that would be gigabytes for a request for headers.
 */
function readNothingForHead(app: FastifyInstance): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (request.method !== 'HEAD' || !(payload instanceof Readable)) return done()
    payload.on('error', () => {}).destroy()
    done(null, Readable.from([]))
  })
}

const DESCRIPTION =
  'Money is a decimal string in yuan with two places ("39.00"). Times are RFC 3339 with an offset. ' +
  'Errors are RFC 9457 problems with a stable `code`. Lists page by cursor.'
