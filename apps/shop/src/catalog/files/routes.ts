/**
 * Uploads of pictures and videos in the back office, and the public address of pictures; videos are served with their
 * lessons.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import multipart from '@fastify/multipart'
import { Type } from 'typebox'
import { type AdminContext, adminAction } from '../../admin/action.ts'
import { ShopError } from '../../errors.ts'
import { kindOfName } from '../../file-kind.ts'
import type { Application } from '../../http/application.ts'
import { hasAlready } from '../../http/entity-tag.ts'
import { waitOutside } from '../../http/load/overload.ts'
import { problems } from '../../http/shapes.ts'
import { discard, keep, receive, VIDEO_BYTES } from './uploads.ts'

export const UploadShape = Type.Object(
  {
    name: Type.String({ description: 'What a course or a lesson names it by' }),
    kind: Type.Enum(['picture', 'video']),
    bytes: Type.Integer(),
    inSomeBrowsers: Type.Array(Type.String(), { description: 'Codecs of a video that only some browsers play' }),
  },
  { $id: 'Upload' },
)

/** @param folder the folder of uploads */
export function addUploadAdminRoutes(admin: Application, context: AdminContext, folder: string): void {
  admin.addSchema(UploadShape)
  admin.register(async (scope) => {
    // Other content types are refused without reading the body.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _stream, done) => done(null))
    await scope.register(multipart, {
      // One byte over the limit tells a file that is too large from one of exactly the maximum size.
      limits: { files: 1, fields: 0, parts: 1, fileSize: VIDEO_BYTES + 1 },
    })
    scope.post(
      '/uploads',
      {
        // The time that a video takes depends on the connection. No idempotency key is needed: the same content has the
        // same name.
        config: { right: 'courses.write', slowBody: true },
        bodyLimit: VIDEO_BYTES + 64 * 1024,
        schema: {
          tags: ['back office: courses'],
          summary: 'A picture (PNG, JPEG, GIF, WebP; 5 MB) or a video (MP4, WebM; 2 GB), as multipart/form-data',
          response: { 201: Type.Ref('Upload'), ...problems(400, 401, 403, 413, 415, 422, 507) },
        },
      },
      async (request, reply) => {
        if (!request.isMultipart()) throw new ShopError('UPLOAD_KIND')
        const received = await waitOutside(async () => {
          const file = await request.file()
          if (!file) throw new ShopError('UPLOAD_KIND')
          return receive(folder, file.file)
        })
        const { name, bytes, kind, part, inSomeBrowsers } = received
        try {
          await adminAction(context, {
            request,
            work: ({ tx, now }) => keep(tx, folder, received, now),
            audit: () => {
              const after = { bytes, type: kind.mediaType }
              return { action: 'upload.create', subject: `uploads/${name}`, after }
            },
          })
        } finally {
          await discard(part)
        }
        return reply.code(201).send({ name, kind: kind.picture ? 'picture' : 'video', bytes, inSomeBrowsers })
      },
    )
  })
}

const PictureName = Type.Object({ name: Type.String({ pattern: '^[0-9a-f]{64}\\.(png|jpg|gif|webp)$' }) })

/** Pictures are public, but their names cannot be guessed. */
export function addPictureRoute(app: Application, folder: string): void {
  app.get('/uploads/:name', { schema: { hide: true, params: PictureName } }, async (request, reply) => {
    const { name } = request.params
    const file = join(folder, name)
    const size = await stat(file).then(
      (found) => found.size,
      () => undefined,
    )
    if (size === undefined) throw new ShopError('NOT_FOUND')
    const tag = `"${name.split('.')[0]}"`
    reply.header('etag', tag).header('cache-control', 'public, max-age=31536000, immutable')
    if (hasAlready(request, tag)) return reply.code(304).send()
    return reply
      .type(kindOfName(name)?.mediaType ?? 'application/octet-stream')
      .header('content-length', size)
      .header('x-content-type-options', 'nosniff')
      .send(createReadStream(file))
  })
}
