/** Pictures and videos at the authors' desk, and the pictures for everybody; videos are given out with their lessons. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import multipart from '@fastify/multipart'
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { waitOutside } from '../http/overload.ts'
import { problems } from '../http/shapes.ts'
import { kindOfName } from './file-kind.ts'
import { discard, keep, receive, VIDEO_BYTES } from './uploads.ts'

export const UploadShape = Type.Object(
  {
    name: Type.String({ description: 'What a course or a lesson names it by' }),
    kind: Type.Enum(['picture', 'video']),
    bytes: Type.Integer(),
  },
  { $id: 'Upload' },
)

/** Whoever sends nothing for so long is gone. */
const SILENCE_MS = 60_000

/** @param folder where uploads lie */
export function addUploadDesk(desk: Application, db: Database, folder: string, clock: () => Date): void {
  desk.addSchema(UploadShape)
  desk.register(async (scope) => {
    await scope.register(multipart, {
      // A byte more than is taken, so that too much is told from just enough.
      limits: { files: 1, fields: 0, parts: 1, fileSize: VIDEO_BYTES + 1 },
    })
    scope.post(
      '/uploads',
      {
        // A video takes as long as its line needs. The same content has the same name: no key is needed to send it again.
        config: { right: 'courses.write', slowBody: true },
        schema: {
          tags: ['desk: courses'],
          summary: 'A picture (PNG, JPEG, GIF, WebP; 5 MB) or a video (MP4, WebM; 2 GB), as multipart/form-data',
          response: { 201: Type.Ref('Upload'), ...problems(400, 401, 403, 413, 415, 422, 507) },
        },
      },
      async (request, reply) => {
        if (!request.isMultipart()) throw new ShopError('UPLOAD_KIND')
        request.raw.setTimeout(SILENCE_MS)
        const received = await waitOutside(async () => {
          const file = await request.file()
          if (!file) throw new ShopError('UPLOAD_KIND')
          return receive(folder, file.file)
        })
        request.raw.setTimeout(0)
        const { name, bytes, kind, part } = received
        try {
          await db.transaction().execute(async (tx) => {
            const at = clock()
            await keep(tx, folder, received, at)
            const after = { bytes, type: kind.mediaType }
            await audit(tx, staffOf(request), { at, action: 'upload.create', subject: `uploads/${name}`, after })
          })
        } finally {
          await discard(part)
        }
        return reply.code(201).send({ name, kind: kind.picture ? 'picture' : 'video', bytes })
      },
    )
  })
}

const PictureName = Type.Object({ name: Type.String({ pattern: '^[0-9a-f]{64}\\.(png|jpg|gif|webp)$' }) })

/** Pictures, for anybody who knows their name, which nobody guesses. */
export function addPictureRoute(app: Application, folder: string): void {
  app.get('/uploads/:name', { schema: { hide: true, params: PictureName } }, async (request, reply) => {
    const { name } = request.params
    const file = join(folder, name)
    const size = await stat(file).then(
      (found) => found.size,
      () => undefined,
    )
    if (size === undefined) throw new ShopError('NOT_FOUND')
    return reply
      .type(kindOfName(name)?.mediaType ?? 'application/octet-stream')
      .header('content-length', size)
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'public, max-age=31536000, immutable')
      .send(createReadStream(file))
  })
}
