/**
 * Imports of students in the back office: upload and check a CSV file, start, watch, cancel, and download the result.
 */
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Acting, type AdminContext, adminAction } from '../../admin/action.ts'
import { adminRoute, staffOf } from '../../admin/admin-routes.ts'
import type { Encryption } from '../../encryption.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { closed, problems, WholeList, wholeList } from '../../http/shapes.ts'
import { checkFile } from './check.ts'
import { MAX_BYTES } from './file.ts'
import { addImport, cancelImport, findImports, ImportShape, readImport, startImport, takePasswords } from './imports.ts'
import { exportResult, passwordFile } from './result.ts'

const route = adminRoute('buyers')

const BASE64_LENGTH = Math.ceil(MAX_BYTES / 3) * 4
const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

export interface ImportAdmin extends AdminContext {
  readonly encryption: Encryption
}

export function addImportAdminRoutes(admin: Application, context: ImportAdmin): void {
  admin.addSchema(ImportShape)
  addUploadRoutes(admin, context)
  addRunRoutes(admin, context)
  addPasswordRoute(admin, context)
  addResultRoute(admin, context)
}

const csv = { 200: Type.Unsafe<Readable>({ type: 'string' }) }

function addUploadRoutes(admin: Application, context: ImportAdmin): void {
  const { db } = context

  admin.get(
    '/imports',
    route('students.import', {
      summary: 'The newest imports of students',
      response: { 200: WholeList('StudentImport'), ...problems(401, 403) },
    }),
    async (request) => wholeList(await findImports(db, staffOf(request).user.id)),
  )

  admin.post(
    '/imports',
    route('students.import', {
      bodyLimit: BASE64_LENGTH + 4096,
      summary: 'Examine a CSV file of students (at most 5 MB and 20,000 rows), as base64; nothing is done yet',
      headers: IdempotencyHeader,
      body: closed({
        fileName: Type.String({ minLength: 1, maxLength: 200 }),
        file: Type.String({ maxLength: BASE64_LENGTH }),
      }),
      response: { 201: Type.Ref('StudentImport'), ...problems(401, 403, 409, 413, 422) },
    }),
    async (request, reply) => {
      const { fileName, file } = request.body
      const bytes = Buffer.from(file, 'base64')
      if (bytes.length > MAX_BYTES) throw new ShopError('TOO_LARGE')
      const checked = await checkFile(db, bytes)
      const userId = staffOf(request).user.id
      const id = await adminAction(context, {
        request,
        work: ({ tx, now }) => addImport(tx, { fileName, checked, userId, now }),
        audit: (added) => {
          const after = { fileName, rows: checked.rowCount, problems: checked.problemCount }
          return { action: 'students.upload', subject: `imports/${added}`, after }
        },
        view: (added) => added,
      })
      return reply.code(201).send(await readImport(db, id, userId))
    },
  )

  admin.get(
    '/imports/:id',
    route('students.import', { params: Id, response: { 200: Type.Ref('StudentImport'), ...problems(401, 403, 404) } }),
    (request) => readImport(db, request.params.id, staffOf(request).user.id),
  )
}

async function change(
  context: ImportAdmin,
  request: FastifyRequest,
  { id, action }: { id: number; action: string },
  work: (tx: Acting['tx'], id: number, now: Date) => Promise<void>,
) {
  await adminAction(context, {
    request,
    work: ({ tx, now }) => work(tx, id, now),
    audit: () => ({ action, subject: `imports/${id}` }),
  })
  return readImport(context.db, id, staffOf(request).user.id)
}

function addRunRoutes(admin: Application, context: ImportAdmin): void {
  const changed = { params: Id, response: { 200: Type.Ref('StudentImport'), ...problems(401, 403, 404, 409) } }

  admin.post(
    '/imports/:id/start',
    route('students.import', { summary: 'Begin: accounts are made and courses granted', ...changed }),
    (request) => change(context, request, { id: request.params.id, action: 'students.import' }, startImport),
  )

  admin.post(
    '/imports/:id/cancel',
    route('students.import', { summary: 'Stop; what was made stays', ...changed }),
    (request) => change(context, request, { id: request.params.id, action: 'students.cancel' }, cancelImport),
  )
}

function addPasswordRoute(admin: Application, context: ImportAdmin): void {
  admin.post(
    '/imports/:id/passwords',
    route('students.import', {
      security: 'passwords.downloaded',
      proof: true,
      summary: 'The one-time passwords of the created accounts, shown once to the person who uploaded the file',
      params: Id,
      response: { ...csv, ...problems(401, 403, 404, 409) },
    }),
    async (request, reply) => {
      const { id } = request.params
      const accounts = await adminAction(context, {
        request,
        work: ({ tx, staff, now }) => takePasswords(tx, context.encryption, { id, userId: staff.user.id, now }),
        audit: (taken) => ({
          action: 'students.passwords',
          subject: `imports/${id}`,
          after: { accounts: taken.length },
        }),
        view: (taken) => taken,
      })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="passwords-${id}.csv"`)
        .header('cache-control', 'no-store')
        .send(Readable.from([passwordFile(accounts)]))
    },
  )
}

function addResultRoute(admin: Application, context: ImportAdmin): void {
  admin.get(
    '/imports/:id/result.csv',
    route('students.import', {
      proof: true,
      summary: 'What became of each row, as a CSV file for spreadsheets, streamed',
      params: Id,
      response: { ...csv, ...problems(401, 403, 404) },
    }),
    async (request, reply) => {
      const { id } = request.params
      await adminAction(context, {
        request,
        work: ({ tx, staff }) => readImport(tx, id, staff.user.id),
        audit: () => ({ action: 'students.result', subject: `imports/${id}` }),
      })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="import-${id}.csv"`)
        .header('cache-control', 'no-store')
        .send(Readable.from(exportResult(context.db, id)))
    },
  )
}
