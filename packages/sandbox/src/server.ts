/** The sandbox over HTTP: gateway, cashier, console and JSON interface on one port. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import cookie from '@fastify/cookie'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { billRoutes } from './alipay/bills/bills.ts'
import { gatewayRoutes } from './alipay/gateway/routes.ts'
import { describeApi, serveApi } from './api/api.ts'
import { cashierRoutes } from './cashier/routes.ts'
import { CASHIER_SCRIPT } from './cashier/script.ts'
import { CASHIER_STYLE } from './cashier/style.ts'
import { consoleRoutes } from './console/routes.ts'
import { type Names, reachedAt, refuseForeignHosts } from './core/pages/hosts.ts'
import { closeSandbox, openSandbox, type Sandbox } from './sandbox.ts'
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
  const app = createApp()
  // No answer leaves before the changes it reports are durable.
  app.addHook('onSend', () => sandbox.database.committed())
  await app.register(cookie)
  await describeApi(app)
  await app.register(gatewayRoutes(sandbox))
  await app.register(wechatRoutes(sandbox))
  await app.register(billRoutes(sandbox))
  await app.register((pages) => servePages(pages, sandbox, names))
  await app.register(async (api) => serveApi(api.withTypeProvider<TypeBoxTypeProvider>(), sandbox, names, () => url))
  serveAssets(app)
  app.get('/healthz', { schema: { hide: true } }, () => ({ status: 'ok' }))

  try {
    await app.listen({ port: options.port, host: options.host })
  } catch (error) {
    await closeSandbox(sandbox)
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
      closed ??= app.close().then(() => closeSandbox(sandbox))
      return closed
    },
  }
}

function createApp() {
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
  return app
}

async function servePages(pages: FastifyInstance, sandbox: Sandbox, names: Names): Promise<void> {
  refuseForeignHosts(pages, names)
  await pages.register(cashierRoutes(sandbox))
  await pages.register(phoneRoutes(sandbox))
  await pages.register(consoleRoutes(sandbox))
  pages.get('/sandbox/api/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(pages.swagger()))
  pages.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/console', 302))
}

function serveAssets(app: FastifyInstance): void {
  const tokens = readFileSync(fileURLToPath(import.meta.resolve('@xuecheng/look/tokens.css')))
  const serveFile = (path: string, type: string, content: string | Buffer) =>
    app.get(path, { schema: { hide: true } }, (_request, reply) => reply.type(`${type}; charset=utf-8`).send(content))
  serveFile('/assets/tokens.css', 'text/css', tokens)
  serveFile('/assets/cashier.css', 'text/css', CASHIER_STYLE)
  serveFile('/assets/cashier.js', 'text/javascript', CASHIER_SCRIPT)
}

/** The validation error by field name; for an unknown field the default message lacks the name. */
function unfit(errors: readonly FastifySchemaValidationError[], part: string): Error {
  const [first] = errors
  const unknown = errors.map(({ params }) => params['additionalProperties']).find((names) => Array.isArray(names))
  if (unknown) return new Error(`${part} has an unknown field: ${unknown.join(', ')}`)
  return new Error(`${part}${first?.instancePath ?? ''} ${first?.message ?? 'is invalid'}`)
}
