/** What every answer says for the browser's sake: where its pages may load from, that nobody may frame them, and the like. */
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'

const CONTENT_POLICY = {
  defaultSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  styleSrc: ["'self'", "'unsafe-inline'"],
  scriptSrc: ["'self'"],
  connectSrc: ["'self'"],
  mediaSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'self'"],
  frameAncestors: ["'none'"],
  formAction: ["'self'"],
}

/**
 * helmet's headers. They are the same for every answer, and it is asked for them once: its Fastify plugin works them out
 * anew each time, which was a twentieth of what a read of an order costs.
 */
export function securityHeaders(publicUrl: string): OutgoingHttpHeaders {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  const set = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
    strictTransportSecurity: publicUrl.startsWith('https:'),
  })
  set(request, response, (error) => {
    if (error) throw error
  })
  return { ...response.getHeaders() }
}
