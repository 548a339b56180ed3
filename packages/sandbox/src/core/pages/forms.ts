/** Accepts forms only from the sandbox's own pages. */
import type { FastifyInstance } from 'fastify'

/** Accepts form bodies as bytes, and refuses those from another site's page (Sec-Fetch-Site, Origin). */
export function refuseForeignForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: 64 * 1024 },
    (_request, body, done) => done(null, body),
  )
  refuseForeignCalls(app)
}

/** A browser sends the origin of a call; programs send none and may call. */
export function refuseForeignCalls(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const site = request.headers['sec-fetch-site']
    const { origin, host } = request.headers
    const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`
    const foreign = site === undefined ? !own : site !== 'same-origin' && site !== 'none'
    if (foreign)
      return reply
        .code(403)
        .type('text/plain; charset=utf-8')
        .send('Refused: the call comes from a page of another site.\n')
  })
}
