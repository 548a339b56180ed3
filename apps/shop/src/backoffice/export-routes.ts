/** Orders as files at the staff's desk: begun, watched, cancelled, downloaded; each person sees their own. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Database } from '../database/connect.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { problems, WholeList, wholeList } from '../http/shapes.ts'
import { dayOf } from '../reconciliation/days.ts'
import { readFile } from './export-file.ts'
import { addExport, cancelExport, ExportShape, FILE_DAYS, fileOf, findExports, readExport } from './exports.ts'
import { SearchShape } from './order-search.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

export function addExportDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(ExportShape)
  const tags = ['desk: orders']
  const config = { right: 'orders.export' } as const

  desk.get(
    '/exports',
    {
      config,
      schema: {
        tags,
        summary: 'Your newest exports of orders',
        response: { 200: WholeList('OrderExport'), ...problems(401, 403) },
      },
    },
    async (request) => wholeList(await findExports(db, staffOf(request).user.id)),
  )

  desk.post(
    '/exports',
    {
      config,
      schema: {
        tags,
        summary: 'Write every order that the search fits into a CSV file for spreadsheets, by a job',
        headers: IdempotencyHeader,
        body: SearchShape,
        response: { 201: Type.Ref('OrderExport'), ...problems(401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const userId = staff.user.id
      const at = clock()
      const id = await db.transaction().execute((tx) =>
        once(tx, userId, repeatable(request), at, async () => {
          const added = await addExport(tx, request.body, userId, at)
          const after = { ...request.body }
          await audit(tx, staff, { at, action: 'orders.export', subject: `exports/${added}`, after })
          return added
        }),
      )
      return reply.code(201).send(await readExport(db, id, userId))
    },
  )

  desk.get(
    '/exports/:id',
    { config, schema: { tags, params: Id, response: { 200: Type.Ref('OrderExport'), ...problems(401, 403, 404) } } },
    (request) => readExport(db, request.params.id, staffOf(request).user.id),
  )

  desk.post(
    '/exports/:id/cancel',
    {
      config,
      schema: {
        tags,
        summary: 'Stop; what was written is thrown away',
        params: Id,
        response: { 200: Type.Ref('OrderExport'), ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { id } = request.params
      const at = clock()
      await db.transaction().execute(async (tx) => {
        await cancelExport(tx, id, staff.user.id, at)
        const [before, after] = [{ status: 'running' }, { status: 'cancelled' }]
        await audit(tx, staff, { at, action: 'export.cancel', subject: `exports/${id}`, before, after })
      })
      return readExport(db, id, staff.user.id)
    },
  )

  desk.get(
    '/exports/:id/file',
    {
      config,
      schema: {
        tags,
        summary: `The CSV file of an export that is done, streamed; it is kept for ${FILE_DAYS} days`,
        params: Id,
        response: { 200: Type.Unsafe<Readable>({ type: 'string' }), ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const { id } = request.params
      const file = await db.transaction().execute(async (tx) => {
        const found = await fileOf(tx, id, staff.user.id)
        await audit(tx, staff, { at: clock(), action: 'export.download', subject: `exports/${id}` })
        return found
      })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="orders-${dayOf(file.made_at)}.csv"`)
        .header('content-length', file.bytes)
        .header('cache-control', 'no-store')
        .send(Readable.from(readFile(db, file)))
    },
  )
}
