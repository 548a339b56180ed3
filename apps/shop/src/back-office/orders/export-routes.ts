/** The orders of a search as a file for spreadsheets, streamed to the browser. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { staffOf } from '../../admin/admin-routes.ts'
import { audit } from '../../admin/audit.ts'
import { dayOf } from '../../beijing-day.ts'
import type { Database } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { moneyIsHere } from '../../http/load/overload.ts'
import { problems } from '../../http/shapes.ts'
import { orderFile } from './export-file.ts'
import { type OrderSearch, SearchShape } from './search.ts'
import { stretchOf } from './walk.ts'

/**
 * Concurrent exports per process. A response in progress takes no slot of load shedding, so exports have their own
 * limit.
 */
const MAX_FILES = 2
const RETRY_AFTER_S = 15

export function addExportAdminRoutes(admin: Application, db: Database, clock: () => Date): void {
  let files = 0

  admin.get(
    '/orders.csv',
    {
      config: { right: 'orders.export', security: 'export', proof: true },
      // A HEAD request would write an audit entry for a file that is never sent.
      exposeHeadRoute: false,
      schema: {
        tags: ['back office: orders'],
        summary: 'Every order that the search fits, newest first, as a CSV file for spreadsheets, streamed',
        description:
          'Orders placed while it is sent are left out. Where it fails on the way the connection breaks off: a chunked answer without its end is no whole file.',
        querystring: SearchShape,
        response: { 200: Type.Unsafe<Readable>({ type: 'string' }), ...problems(401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      if (files >= MAX_FILES) throw new ShopError('OVERLOADED', { retryAfterSeconds: RETRY_AFTER_S })
      files += 1
      const file = await begin(request).catch((error: unknown) => {
        files -= 1
        throw error
      })
      file.once('close', () => {
        files -= 1
      })
      file.once('error', (error) => {
        request.log.error({ err: error }, 'an export of orders broke off')
        // An HTTP/1.0 client takes an orderly end of the connection for the end of the file.
        request.socket.resetAndDestroy()
      })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="orders-${dayOf(clock())}.csv"`)
        .header('cache-control', 'no-store')
        .send(file)
    },
  )

  /** Checks everything that can be refused, and writes the audit entry, before the first byte is sent. */
  async function begin(request: FastifyRequest<{ Querystring: OrderSearch }>): Promise<Readable> {
    const search = request.query
    const stretch = await stretchOf(db, search)
    const entry = { at: clock(), action: 'orders.export', subject: 'orders', after: { ...search } }
    await db.transaction().execute((tx) => audit(tx, staffOf(request), entry))
    // The file is read outside of this request's async context, in which `moneyIsHere` works.
    const isBusy = AsyncLocalStorage.bind(moneyIsHere)
    const file: Readable = Readable.from(orderFile(db, search, stretch, { isGone: () => file.destroyed, isBusy }))
    return file
  }
}
