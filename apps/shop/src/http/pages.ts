/** The web pages: built files with their compressed twins, and an entry page for every address that is a page: the storefront's, or the back office's under `/admin`. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ShopError } from '../errors.ts'
import type { Application } from './application.ts'
import { readHints } from './hints.ts'
import { sendProblem } from './problem.ts'

export const WEB_FOLDER = join(import.meta.dirname, '../../../web/dist')

/** Addresses that programs ask for: an unknown one is a problem, never a page. */
const NOT_PAGES = /^\/(api|covers|uploads|assets|metrics|healthz|readyz)(\/|$|\?)/

const BACK_OFFICE = /^\/admin(\/|$|\?)/

export interface Pages {
  /** Puts into an entry page what its shop is called. */
  readonly dress: (html: string) => string
  /** The picture that the page at a path shows first, where that is known. */
  readonly picture: (path: string) => string | undefined
}

export async function addPages(app: Application, { dress, picture }: Pages, folder = WEB_FOLDER): Promise<void> {
  const entry = join(folder, 'index.html')
  if (!existsSync(entry)) {
    app.log.warn('the web pages are not built; only the API answers')
    app.setNotFoundHandler((request, reply) => sendProblem(request, reply, new ShopError('NOT_FOUND')))
    return
  }
  const page = readFileSync(entry, 'utf8')
  const backOffice = readFileSync(join(folder, 'admin/index.html'), 'utf8')
  const hint = readHints(folder, picture)
  const sendEntry = (request: FastifyRequest, reply: FastifyReply) => {
    const html = BACK_OFFICE.test(request.url)
      ? backOffice
      : hint(page, request.url, request.headers['accept-language'])
    const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', vary: 'accept-language' }
    return reply.code(200).headers(headers).send(dress(html))
  }
  await app.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    index: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      const hashed = path.includes('/assets/')
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=300')
    },
  })
  app.get('/', { schema: { hide: true } }, sendEntry)
  app.setNotFoundHandler((request, reply) => {
    const readable = request.method === 'GET' || request.method === 'HEAD'
    if (!readable || NOT_PAGES.test(request.url)) return sendProblem(request, reply, new ShopError('NOT_FOUND'))
    return sendEntry(request, reply)
  })
}
