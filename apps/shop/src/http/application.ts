/** The HTTP application: validation, problems, cookies, limits, security headers, the OpenAPI document. Knows no subject. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController, type RawServerDefault } from 'fastify'
import { ShopError } from '../errors.ts'
import type { Overload } from './overload.ts'
import { answerProblems, Problem, sendProblem } from './problem.ts'
import { securityHeaders } from './security-headers.ts'
import { serializersOnDemand } from './serializers.ts'
import { refuseUnread } from './unread.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A body that may take long: its route sees to it that it comes on. */
    slowBody?: boolean
  }
}

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
  /** How many proxies stand in front. */
  readonly trustedProxies: number
  readonly publicUrl: string
  readonly overload: Overload
}

const BODY_LIMIT = 64 * 1024

export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const app = Fastify({
    loggerInstance: options.logger,
    trustProxy: (_address, hop) => hop < options.trustedProxies,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: 100 },
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: { compilersFactory: { buildSerializer: serializersOnDemand } },
    requestTimeout: 0,
    forceCloseConnections: true,
    frameworkErrors: (_error, request, reply) => sendProblem(request, reply, new ShopError('MALFORMED_REQUEST')),
    clientErrorHandler: refuseUnread,
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.addSchema(Problem)
  answerProblems(app)
  options.overload.guard(app)
  cutSlowBodies(app)
  readNothingForHead(app)
  await app.register(cookie)
  const headers = securityHeaders(options.publicUrl)
  // What an address under /api answers is for whoever asks, and of this moment, where its route does not say otherwise.
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
  await app.register(swaggerUi, { routePrefix: '/api/docs' })
  app.get('/api/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()))
  return app
}

/** How long a request's body may take, unless its route takes files (`slowBody`); headers have Node's own limit. */
const BODY_MS = 30_000

function cutSlowBodies(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, raw } = request
    if (method === 'GET' || method === 'HEAD' || raw.complete || request.routeOptions.config.slowBody) return done()
    const timer = setTimeout(() => raw.destroy(), BODY_MS)
    const stop = () => clearTimeout(timer)
    raw.once('end', stop).once('close', stop)
    done()
  })
}

/** Fastify reads a stream to its end to throw it away; of a video that would be gigabytes for a request that asks for headers. */
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
