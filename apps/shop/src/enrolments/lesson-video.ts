/** A lesson's video over HTTP: whole, in ranges, or 304 if the browser has it. The caller checks access. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ShopError } from '../errors.ts'
import { kindOfName } from '../file-kind.ts'
import { hasAlready } from '../http/entity-tag.ts'

/** An uploaded video is named by its hash; any other came with the program. */
const UPLOADED = /^[0-9a-f]{64}\./

export interface VideoFolders {
  readonly demo: string
  readonly uploaded: string
}

/** The URL of a lesson's video. It contains the name: another video has another URL. */
export const videoAddress = (courseId: number, lessonId: number, video: string): string =>
  `/api/courses/${courseId}/lessons/${lessonId}/video/${encodeURIComponent(basename(video))}`

/** @throws ShopError LESSON_NOT_FOUND if the file is missing */
export async function sendVideo(
  request: FastifyRequest,
  reply: FastifyReply,
  folders: VideoFolders,
  video: string,
): Promise<FastifyReply> {
  const uploaded = UPLOADED.test(video)
  const file = join(uploaded ? folders.uploaded : folders.demo, basename(video))
  const found = await stat(file).catch(() => undefined)
  if (!found) throw new ShopError('LESSON_NOT_FOUND')
  const { size } = found
  const tag = uploaded ? `"${basename(video).split('.')[0]}"` : `"${size}-${Math.floor(found.mtimeMs)}"`
  reply
    .type(kindOfName(file)?.mediaType ?? 'video/mp4')
    .header('accept-ranges', 'bytes')
    .header('etag', tag)
    .header('cache-control', uploaded ? 'private, max-age=31536000, immutable' : 'private, max-age=3600')
  if (hasAlready(request, tag)) return reply.code(304).send()
  const wanted = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')
  const isOther = request.headers['if-range'] !== undefined && request.headers['if-range'] !== tag
  if (!wanted || isOther || (!wanted[1] && !wanted[2])) {
    return reply.header('content-length', size).send(createReadStream(file))
  }
  const start = wanted[1] ? Number(wanted[1]) : Math.max(0, size - Number(wanted[2]))
  const end = wanted[1] && wanted[2] ? Math.min(Number(wanted[2]), size - 1) : size - 1
  if (start > end) return reply.code(416).header('content-range', `bytes */${size}`).send()
  reply
    .code(206)
    .header('content-range', `bytes ${start}-${end}/${size}`)
    .header('content-length', end - start + 1)
  return reply.send(createReadStream(file, { start, end }))
}

/** Whether a player is in the middle of a file: it cannot continue with another video. */
export const isMidway = ({ headers }: FastifyRequest): boolean => /^bytes=(?!0-)/.test(headers.range ?? '')
