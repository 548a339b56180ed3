/** The address that a gateway notifies: the raw bytes go to the inbox before anything parses them. */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Application } from '../../http/application.ts'
import { KEPT_BYTES, receiveNotification } from '../inbox.ts'
import type { Payments } from '../payments.ts'
import type { PaymentProvider } from './provider.ts'

/** What the gateway is answered. */
export interface NotifyAnswers {
  accepted(reply: FastifyReply): FastifyReply
  refused(reply: FastifyReply): FastifyReply
}

export function addNotifyRoute(
  app: Application,
  path: string,
  payments: Payments,
  provider: () => PaymentProvider,
  answers: NotifyAnswers,
): void {
  app.register(async (scope) => {
    // The raw bytes are what was signed: nothing parses them before the signature is checked.
    scope.removeAllContentTypeParsers()
    // Whatever the content type says, even nonsense, the body is kept; the header as given is judged and kept as well.
    scope.addHook('onRequest', async ({ raw }) => {
      given.set(raw, raw.headers['content-type'] ?? '')
      raw.headers['content-type'] = 'application/octet-stream'
    })
    scope.addContentTypeParser('*', (_request, stream, done) => {
      readKept(stream).then((read) => done(null, read), done)
    })
    scope.post(
      path,
      { schema: { hide: true }, config: { urgency: 'notification' }, bodyLimit: 8 * 1024 * 1024 },
      async (request, reply) => {
        const kept = (request.body as KeptBody | undefined) ?? { body: Buffer.alloc(0), bytes: 0 }
        const { accepted } = await receiveNotification(payments, provider(), {
          body: kept.body,
          bodyBytes: kept.bytes,
          contentType: given.get(request.raw) ?? '',
          headers: keptHeaders(request),
          address: request.ip,
          receivedAt: payments.clock(),
        })
        reply.header('cache-control', 'no-store')
        return accepted ? answers.accepted(reply) : answers.refused(reply)
      },
    )
  })
}

/** The content type that a notification came with. */
const given = new WeakMap<IncomingMessage, string>()

interface KeptBody {
  readonly body: Buffer
  readonly bytes: number
}

/** Reads all of it, keeps the beginning: one who sends far too much gets an answer, and takes no memory. */
async function readKept(stream: AsyncIterable<Buffer>): Promise<KeptBody> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    if (bytes <= KEPT_BYTES) chunks.push(chunk)
    bytes += chunk.length
  }
  return { body: Buffer.concat(chunks).subarray(0, KEPT_BYTES + 1), bytes }
}

/** Headers as received, bounded, without what could be a credential. */
function keptHeaders(request: FastifyRequest): Record<string, string> {
  const kept = Object.entries(request.headers).filter(
    ([name]) => !['authorization', 'cookie', 'content-type'].includes(name),
  )
  const headers: [string, unknown][] = [...kept, ['content-type', given.get(request.raw) ?? '']]
  return Object.fromEntries(headers.slice(-40).map(([name, value]) => [name, String(value).slice(0, 1000)]))
}
