/** The two addresses of Alipay: where it notifies, and where it sends the buyer back. */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ShopError } from '../../../errors.ts'
import type { Application } from '../../../http/application.ts'
import { problems } from '../../../http/shapes.ts'
import { readOrder } from '../../../orders/read.ts'
import { askQuietly } from '../../ask.ts'
import { KEPT_BYTES, receiveNotification } from '../../inbox.ts'
import type { Payments } from '../../payments.ts'
import type { AlipayProvider } from './provider.ts'

const NOTIFY = '/api/payments/alipay/notify'

export function addAlipayRoutes(app: Application, payments: Payments, alipay: AlipayProvider): void {
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
    scope.post(NOTIFY, { schema: { hide: true }, bodyLimit: 8 * 1024 * 1024 }, (request, reply) =>
      notified(request, reply, payments, alipay),
    )
  })

  app.post(
    '/api/payments/alipay/return',
    {
      schema: {
        tags: ['orders'],
        summary: 'What stood on the return address: verified, then the gateway is asked',
        body: Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 2048 }), { maxProperties: 40 }),
        response: { 200: Type.Ref('Order'), ...problems(400, 401, 404) },
      },
    },
    async (request) => {
      const { user } = await payments.viewers.require(request)
      const returned = await alipay.client.verifyReturn(new URLSearchParams(request.body).toString())
      const { appId, sellerId } = alipay.settings
      if (!returned.ok || returned.appId !== appId || returned.sellerId !== sellerId) {
        throw new ShopError('RETURN_NOT_VERIFIED')
      }
      const attempt = await findAttempt(payments, user.id, returned.outTradeNo)
      if (attempt.status !== 'paid') await askQuietly(payments, attempt)
      return readOrder(payments.db, user.id, attempt.order_no)
    },
  )
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

async function notified(
  request: FastifyRequest,
  reply: FastifyReply,
  payments: Payments,
  alipay: AlipayProvider,
): Promise<FastifyReply> {
  const kept = (request.body as KeptBody | undefined) ?? { body: Buffer.alloc(0), bytes: 0 }
  const { accepted } = await receiveNotification(payments, alipay, {
    body: kept.body,
    bodyBytes: kept.bytes,
    contentType: given.get(request.raw) ?? '',
    headers: keptHeaders(request),
    address: request.ip,
    receivedAt: payments.clock(),
  })
  reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store')
  return accepted ? reply.send('success') : reply.code(400).send('fail')
}

/** Headers as received, bounded, without what could be a credential. */
function keptHeaders(request: FastifyRequest): Record<string, string> {
  const kept = Object.entries(request.headers).filter(
    ([name]) => !['authorization', 'cookie', 'content-type'].includes(name),
  )
  const headers: [string, unknown][] = [...kept, ['content-type', given.get(request.raw) ?? '']]
  return Object.fromEntries(headers.slice(-40).map(([name, value]) => [name, String(value).slice(0, 500)]))
}

async function findAttempt(payments: Payments, userId: number, attemptNo: string) {
  const attempt = await payments.db
    .selectFrom('payment_attempts')
    .innerJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select(['payment_attempts.provider', 'payment_attempts.attempt_no', 'orders.order_no', 'payment_attempts.status'])
    .where('payment_attempts.attempt_no', '=', attemptNo)
    .where('orders.user_id', '=', userId)
    .executeTakeFirst()
  if (!attempt) throw new ShopError('ORDER_NOT_FOUND')
  return attempt
}
