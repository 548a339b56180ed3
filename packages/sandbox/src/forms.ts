/** Forms that only this sandbox's own pages may send. */
import type { FastifyInstance } from 'fastify'

/** Takes form bodies as bytes, and refuses what another site's page sends (Sec-Fetch-Site, Origin). */
export function refuseForeignForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: 64 * 1024 },
    (_request, body, done) => done(null, body),
  )
  refuseForeignCalls(app)
}

/** A browser names the page a call comes from; programs name none and may call. */
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
