/**
 * The web pages: built files with their compressed variants, an entry page for every path of the storefront's or (under
 * `/admin`) the back office's router, and the operator's own files. For an unknown path the entry page shows its own
 * message, and the status is 404.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ShopError } from '../../errors.ts'
import type { Application } from '../application.ts'
import { sendProblem } from '../problem.ts'
import { readHints } from './hints.ts'
import type { OwnFiles } from './own-files.ts'
import { BACK_OFFICE, readPageRoutes } from './page-routes.ts'

export const WEB_FOLDER = join(import.meta.dirname, '../../../../web/dist')

/** Paths that programs request: an unknown one gets a problem, never a page. */
const NOT_PAGES = /^\/(api|covers|uploads|assets|metrics|healthz|readyz)(\/|$|\?)/

/** A path that ends like a file name. */
const FILE = /\.[^./]+$/

/** Built files that the operator's own file of the same name replaces. */
const REPLACEABLE = ['robots.txt', 'favicon.ico']

export interface Pages {
  /** Injects the shop's name into an entry page. */
  readonly injectMetadata: (html: string) => string
  /** The largest image at the top of the page at a path, if known. */
  readonly picture: (path: string) => string | undefined
  readonly own: OwnFiles
}

export async function addPages(
  app: Application,
  { injectMetadata, picture, own }: Pages,
  folder = WEB_FOLDER,
): Promise<void> {
  const entry = join(folder, 'index.html')
  if (!existsSync(entry)) {
    app.log.warn('the web pages are not built; only the API answers')
    app.setNotFoundHandler((request, reply) => sendProblem(request, reply, new ShopError('NOT_FOUND')))
    return
  }
  const page = readFileSync(entry, 'utf8')
  const backOffice = readFileSync(join(folder, 'admin/index.html'), 'utf8')
  const hint = readHints(folder, picture)
  const isPage = readPageRoutes(folder)
  const sendEntry = (request: FastifyRequest, reply: FastifyReply, status = 200) => {
    const html = BACK_OFFICE.test(pathOf(request))
      ? backOffice
      : hint(page, request.url, request.headers['accept-language'])
    const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', vary: 'accept-language' }
    return reply.code(status).headers(headers).send(injectMetadata(html))
  }
  await app.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    index: false,
    globIgnore: REPLACEABLE.flatMap((name) => [name, `${name}.*`]),
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      const hashed = path.includes('/assets/')
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=300')
    },
  })
  app.get('/', { schema: { hide: true } }, (request, reply) => sendEntry(request, reply))
  app.setNotFoundHandler(async (request, reply) => {
    const readable = request.method === 'GET' || request.method === 'HEAD'
    if (!readable || NOT_PAGES.test(request.url)) return sendProblem(request, reply, new ShopError('NOT_FOUND'))
    const path = pathOf(request)
    const file = await own(path)
    if (file)
      return reply.headers({ 'content-type': file.type, 'cache-control': 'public, max-age=300' }).send(file.content)
    if (REPLACEABLE.includes(path.slice(1))) return reply.sendFile(path.slice(1))
    if (isPage(path)) return sendEntry(request, reply)
    return FILE.test(path) ? sendProblem(request, reply, new ShopError('NOT_FOUND')) : sendEntry(request, reply, 404)
  })
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? url
