/** The route that a gateway notifies: the raw bytes go to the inbox before anything parses them. */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Application } from '../../http/application.ts'
import { cutText } from '../../text/cut-text.ts'
import type { PaymentProvider } from '../contract.ts'
import { KEPT_BYTES, receiveNotification } from '../notifications/inbox.ts'
import type { Payments } from '../payments.ts'

/** The largest number that the database column for sizes can store. */
const MAX_INTEGER = 2 ** 31 - 1

/**
 * How much of a body is read; a genuine notification is a few kilobytes. A longer one is answered without reading the
 * rest.
 */
const MAX_BYTES = 256 * 1024

/** The responses to the gateway. */
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
    // The body is stored whatever the content type says, even an invalid one; the header as received is checked and
    // stored as well.
    scope.addHook('onRequest', async ({ raw }) => {
      given.set(raw, raw.headers['content-type'] ?? '')
      raw.headers['content-type'] = 'application/octet-stream'
    })
    scope.addContentTypeParser('*', (_request, stream, done) => {
      readKept(stream).then((read) => done(null, read), done)
    })
    scope.post(
      path,
      { schema: { hide: true }, config: { access: 'anyone', priority: 'notification' }, bodyLimit: MAX_BYTES },
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

/** The content type with which each notification was received. */
const given = new WeakMap<IncomingMessage, string>()

interface KeptBody {
  readonly body: Buffer
  readonly bytes: number
}

/** Keeps the beginning and counts the bytes up to a limit; for anything larger, the declared size is recorded. */
async function readKept(stream: IncomingMessage): Promise<KeptBody> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (bytes <= KEPT_BYTES) chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_BYTES) break
  }
  const declared = Math.min(Number(stream.headers['content-length'] ?? 0) || 0, MAX_INTEGER)
  return { body: Buffer.concat(chunks).subarray(0, KEPT_BYTES + 1), bytes: Math.max(bytes, declared) }
}

/** Headers as received, truncated, without any that could be a credential. */
function keptHeaders(request: FastifyRequest): Record<string, string> {
  const kept = Object.entries(request.headers).filter(
    ([name]) => !['authorization', 'cookie', 'content-type'].includes(name),
  )
  const headers: [string, unknown][] = [...kept, ['content-type', given.get(request.raw) ?? '']]
  return Object.fromEntries(headers.slice(-40).map(([name, value]) => [name, cutText(String(value), 1000)]))
}
