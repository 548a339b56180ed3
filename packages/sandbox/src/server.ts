/** The sandbox over HTTP: gateway, cashier, console and JSON interface on one port. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { billRoutes } from './alipay/bills/bills.ts'
import { gatewayRoutes } from './alipay/gateway/routes.ts'
import { accountRoutes } from './api/accounts.ts'
import { Refused } from './api/application.ts'
import { controlRoutes } from './api/control.ts'
import { faultRoutes } from './api/faults.ts'
import { paymentRoutes } from './api/payments.ts'
import { BuyerShape, DeliveryShape, ErrorShape, MerchantShape, TradeShape } from './api/shapes.ts'
import { wechatApiRoutes } from './api/wechat.ts'
import { wechatDeliveryRoutes } from './api/wechat-deliveries.ts'
import { wechatMerchantRoutes } from './api/wechat-merchants.ts'
import { cashierRoutes } from './cashier/routes.ts'
import { CASHIER_SCRIPT } from './cashier/script.ts'
import { CASHIER_STYLE } from './cashier/style.ts'
import { consoleRoutes } from './console/routes.ts'
import { refuseForeignCalls } from './core/forms.ts'
import { reachedAt, refuseForeignHosts } from './core/hosts.ts'
import { openSandbox } from './sandbox.ts'
import { wechatRoutes } from './wechat/gateway/routes.ts'
import { phoneRoutes } from './wechat/phone/routes.ts'

export interface ServeOptions {
  /** 0 for any free port. */
  readonly port: number
  readonly host: string
  /** Names besides its own and loopback ones under which it may be called. */
  readonly allowedHosts?: readonly string[]
  readonly data: string
  /** How long a shop may take to answer a notification, in milliseconds; 10 seconds by default. */
  readonly notifyTimeout?: number
}

export interface RunningSandbox {
  readonly url: string
  close(): Promise<void>
}

/** Opens the data folder and listens. Rejects if the folder is in use or the port is taken. */
export async function serve(options: ServeOptions): Promise<RunningSandbox> {
  const sandbox = openSandbox(options)
  const names = { host: options.host, allowed: options.allowedHosts ?? [] }
  let url = ''
  const app = Fastify({
    forceCloseConnections: true,
    schemaErrorFormatter: unfit,
    routerOptions: { maxParamLength: 200, querystringParser: (text) => Object.fromEntries(new URLSearchParams(text)) },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) process.stderr.write(`sandbox: ${error.stack ?? error.message}\n`)
    return reply
      .code(status)
      .send({ code: error.code ?? 'INVALID_INPUT', message: status >= 500 ? 'internal error' : error.message })
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: 'NOT_FOUND', message: 'there is no such address' }),
  )

  // No answer leaves before the changes it reports are durable.
  app.addHook('onSend', () => sandbox.database.committed())
  await app.register(cookie)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Xuecheng sandbox', version: '1', description: DESCRIPTION },
      servers: [{ url: '/' }],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json['$id'] ?? `schema-${index}`) },
  })
  for (const shape of [MerchantShape, BuyerShape, TradeShape, DeliveryShape, ErrorShape]) app.addSchema(shape)
  await app.register(gatewayRoutes(sandbox))
  await app.register(wechatRoutes(sandbox))
  await app.register(billRoutes(sandbox))
  await app.register(async (pages) => {
    refuseForeignHosts(pages, names)
    await pages.register(cashierRoutes(sandbox))
    await pages.register(phoneRoutes(sandbox))
    await pages.register(consoleRoutes(sandbox))
    pages.get('/sandbox/api/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()))
    pages.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/console', 302))
  })
  await app.register(async (api) => {
    const typed = api.withTypeProvider<TypeBoxTypeProvider>()
    refuseForeignHosts(api, names)
    refuseForeignCalls(api)
    takeNoBodyAsEmpty(api)
    accountRoutes(typed, sandbox, () => url)
    paymentRoutes(typed, sandbox)
    controlRoutes(typed, sandbox)
    faultRoutes(typed, sandbox)
    wechatMerchantRoutes(typed, sandbox, () => url)
    wechatApiRoutes(typed, sandbox)
    wechatDeliveryRoutes(typed, sandbox)
  })

  const tokens = readFileSync(fileURLToPath(import.meta.resolve('@xuecheng/look/tokens.css')))
  app.get('/assets/tokens.css', { schema: { hide: true } }, (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(tokens),
  )
  app.get('/assets/cashier.css', { schema: { hide: true } }, (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(CASHIER_STYLE),
  )
  app.get('/assets/cashier.js', { schema: { hide: true } }, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(CASHIER_SCRIPT),
  )
  app.get('/healthz', { schema: { hide: true } }, () => ({ status: 'ok' }))

  try {
    await app.listen({ port: options.port, host: options.host })
  } catch (error) {
    await sandbox.close()
    throw error
  }
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : options.port
  url = `http://${reachedAt(options.host)}:${port}`
  sandbox.agenda.start()
  let closed: Promise<void> | undefined
  return {
    url,
    close() {
      closed ??= app.close().then(() => sandbox.close())
      return closed
    },
  }
}

/** Reads an empty body as an empty object. */
function takeNoBodyAsEmpty(api: FastifyInstance): void {
  api.removeContentTypeParser('application/json')
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? {} : JSON.parse(String(text)))
    } catch {
      done(new Refused(400, 'INVALID_JSON', 'the body is not JSON'))
    }
  })
  api.addHook('preValidation', async (request) => {
    request.body ??= {}
  })
}

/** The validation error by field name; for an unknown field the default message lacks the name. */
function unfit(errors: readonly FastifySchemaValidationError[], part: string): Error {
  const [first] = errors
  const unknown = errors.map(({ params }) => params['additionalProperties']).find((names) => Array.isArray(names))
  if (unknown) return new Error(`${part} has an unknown field: ${unknown.join(', ')}`)
  return new Error(`${part}${first?.instancePath ?? ''} ${first?.message ?? 'is invalid'}`)
}

const DESCRIPTION =
  'Everything a person can do in the console, for programs. Money is a decimal string in yuan ("39.00"); times are ' +
  'RFC 3339 with +08:00; lists page by cursor; errors are { code, message }.'
