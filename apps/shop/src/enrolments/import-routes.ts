/** Students by CSV at the staff's desk: upload and examine, start, watch, cancel, and what came of it. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Database, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { problems, WholeList, wholeList } from '../http/shapes.ts'
import type { Seal } from '../sealed.ts'
import { examine } from './import-check.ts'
import { MOST_BYTES } from './import-file.ts'
import { exportResult, passwordFile } from './import-result.ts'
import { addImport, cancelImport, findImports, ImportShape, readImport, startImport, takePasswords } from './imports.ts'

const BASE64_LENGTH = Math.ceil(MOST_BYTES / 3) * 4
const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

export interface ImportDesk {
  readonly db: Database
  readonly seal: Seal
  readonly clock: () => Date
}

export function addImportDesk(desk: Application, { db, seal, clock }: ImportDesk): void {
  desk.addSchema(ImportShape)
  const tags = ['desk: buyers']
  const config = { right: 'students.import' } as const
  const csv = { 200: Type.Unsafe<Readable>({ type: 'string' }) }

  desk.get(
    '/imports',
    {
      config,
      schema: {
        tags,
        summary: 'The newest imports of students',
        response: { 200: WholeList('StudentImport'), ...problems(401, 403) },
      },
    },
    async (request) => wholeList(await findImports(db, staffOf(request).user.id)),
  )

  desk.post(
    '/imports',
    {
      config,
      bodyLimit: BASE64_LENGTH + 4096,
      schema: {
        tags,
        summary: 'Examine a CSV file of students (at most 5 MB and 20,000 rows), as base64; nothing is done yet',
        headers: IdempotencyHeader,
        body: Type.Object(
          {
            fileName: Type.String({ minLength: 1, maxLength: 200 }),
            file: Type.String({ maxLength: BASE64_LENGTH }),
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Ref('StudentImport'), ...problems(401, 403, 409, 413, 422) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const { fileName, file } = request.body
      const bytes = Buffer.from(file, 'base64')
      if (bytes.length > MOST_BYTES) throw new ShopError('TOO_LARGE')
      const examined = await examine(db, bytes)
      const now = clock()
      const userId = staff.user.id
      const id = await db.transaction().execute((tx) =>
        once(tx, userId, repeatable(request), now, async () => {
          const added = await addImport(tx, { fileName, examined, userId, now })
          const after = { fileName, rows: examined.rowCount, problems: examined.problemCount }
          await audit(tx, staff, { at: now, action: 'students.upload', subject: `imports/${added}`, after })
          return added
        }),
      )
      return reply.code(201).send(await readImport(db, id, userId))
    },
  )

  desk.get(
    '/imports/:id',
    {
      config,
      schema: { tags, params: Id, response: { 200: Type.Ref('StudentImport'), ...problems(401, 403, 404) } },
    },
    (request) => readImport(db, request.params.id, staffOf(request).user.id),
  )

  const change = async (
    request: Parameters<typeof staffOf>[0],
    id: number,
    deed: { action: string },
    work: (tx: Transaction, id: number, now: Date) => Promise<void>,
  ) => {
    const staff = staffOf(request)
    const at = clock()
    await db.transaction().execute(async (tx) => {
      await work(tx, id, at)
      await audit(tx, staff, { at, ...deed, subject: `imports/${id}` })
    })
    return readImport(db, id, staff.user.id)
  }
  const changed = { params: Id, response: { 200: Type.Ref('StudentImport'), ...problems(401, 403, 404, 409) } }

  desk.post(
    '/imports/:id/start',
    { config, schema: { tags, summary: 'Begin: accounts are made and courses granted', ...changed } },
    (request) => change(request, request.params.id, { action: 'students.import' }, startImport),
  )

  desk.post(
    '/imports/:id/cancel',
    { config, schema: { tags, summary: 'Stop; what was made stays', ...changed } },
    (request) => change(request, request.params.id, { action: 'students.cancel' }, cancelImport),
  )

  desk.post(
    '/imports/:id/passwords',
    {
      config,
      schema: {
        tags,
        summary: 'The one-time passwords of the accounts that were made, once, for whoever uploaded the file',
        params: Id,
        response: { ...csv, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const { id } = request.params
      const now = clock()
      const accounts = await db.transaction().execute(async (tx) => {
        const taken = await takePasswords(tx, seal, { id, userId: staff.user.id, now })
        const after = { accounts: taken.length }
        await audit(tx, staff, { at: now, action: 'students.passwords', subject: `imports/${id}`, after })
        return taken
      })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="passwords-${id}.csv"`)
        .header('cache-control', 'no-store')
        .send(Readable.from([passwordFile(accounts)]))
    },
  )

  desk.get(
    '/imports/:id/result.csv',
    {
      config,
      schema: {
        tags,
        summary: 'What became of each row, as a CSV file for spreadsheets, streamed',
        params: Id,
        response: { ...csv, ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      await readImport(db, id, staffOf(request).user.id)
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="import-${id}.csv"`)
        .header('cache-control', 'no-store')
        .send(Readable.from(exportResult(db, id)))
    },
  )
}
