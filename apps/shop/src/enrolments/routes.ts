/** What I own, and the lessons that owning opens. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Viewers } from '../accounts/viewer.ts'
import { coursesById } from '../catalog/courses.ts'
import { kindOfName } from '../catalog/file-kind.ts'
import { readLesson, type StoredLesson } from '../catalog/lessons.ts'
import { CourseId } from '../catalog/routes.ts'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { Moment, Nothing, problems, writeMoment } from '../http/shapes.ts'
import { enrolInFreeCourse, keepPlace } from './access.ts'
import { isStaff, seesAll } from './readers.ts'

const PAGE = 50

/** A video that was uploaded; any other came with the program. */
const UPLOADED = /^[0-9a-f]{64}\./

const LessonId = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  lessonId: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
})

const OwnedCourse = Type.Object(
  {
    course: Type.Ref('CourseSummary'),
    since: Moment,
    orderNo: Type.Union([Type.String(), Type.Null()]),
    lastLessonId: Type.Union([Type.Integer(), Type.Null()]),
  },
  { $id: 'OwnedCourse' },
)

export interface EnrolmentRoutes {
  readonly db: Database
  readonly viewers: Viewers
  readonly clock: () => Date
  /** The folders where lesson videos lie. */
  readonly videos: { readonly demo: string; readonly uploaded: string }
}

export function addEnrolmentRoutes(app: Application, { db, viewers, clock, videos }: EnrolmentRoutes): void {
  app.addSchema(OwnedCourse)
  const tags = ['learning']

  app.get(
    '/api/me/courses',
    {
      schema: {
        tags,
        summary: 'What I own',
        querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: {
          200: Type.Object({
            items: Type.Array(Type.Ref('OwnedCourse')),
            next: Type.Union([Type.String(), Type.Null()]),
          }),
          ...problems(401, 422),
        },
      },
    },
    async (request) => {
      const { user } = await viewers.require(request)
      const after = readCursor(request.query.cursor, ['number'])
      let select = db
        .selectFrom('enrolments')
        .leftJoin('orders', 'orders.id', 'enrolments.order_id')
        .where('enrolments.user_id', '=', user.id)
        .where('enrolments.revoked_at', 'is', null)
        .select([
          'enrolments.id',
          'enrolments.course_id',
          'enrolments.granted_at',
          'enrolments.last_lesson_id',
          'orders.order_no',
        ])
      if (after) select = select.where('enrolments.id', '<', Number(after[0]))
      const rows = await select
        .orderBy('enrolments.id', 'desc')
        .limit(PAGE + 1)
        .execute()
      const page = rows.slice(0, PAGE)
      const courses = await coursesById(
        db,
        page.map((row) => row.course_id),
      )
      const last = page.at(-1)
      return {
        items: page.flatMap((row) => {
          const course = courses.get(row.course_id)
          const entry = { since: writeMoment(row.granted_at), orderNo: row.order_no, lastLessonId: row.last_lesson_id }
          return course ? [{ course, ...entry }] : []
        }),
        next: rows.length > PAGE && last ? writeCursor([last.id]) : null,
      }
    },
  )

  app.post(
    '/api/courses/:id/enrolment',
    {
      schema: {
        tags,
        summary: 'Take a free course',
        params: CourseId,
        headers: IdempotencyHeader,
        response: { 204: Nothing, ...problems(401, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { user } = await viewers.require(request)
      const now = clock()
      await db.transaction().execute((tx) =>
        once(tx, user.id, repeatable(request), now, async () => {
          await enrolInFreeCourse(tx, user.id, request.params.id, now)
          return null
        }),
      )
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/api/me/courses/:id/place',
    {
      schema: {
        tags,
        summary: 'Keep my place',
        params: CourseId,
        body: Type.Object(
          { lessonId: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) },
          { additionalProperties: false },
        ),
        response: { 204: Nothing, ...problems(401, 422) },
      },
    },
    async (request, reply) => {
      const { user } = await viewers.require(request)
      await keepPlace(db, user.id, request.params.id, request.body.lessonId)
      return reply.code(204).send(null)
    },
  )

  /** The lesson, if whoever asks may read it. @throws ShopError LOGIN_REQUIRED, COURSE_NOT_OWNED */
  const readable = async (
    request: FastifyRequest,
    courseId: number,
    lessonId: number,
    asBuyer = false,
  ): Promise<StoredLesson> => {
    const lesson = await readLesson(db, courseId, lessonId)
    if (lesson.openToAll) return lesson
    const viewer = await viewers.find(request)
    // What is locked for buyers is locked for staff who look at it as one; a draft no buyer sees.
    if (asBuyer && lesson.published && viewer && isStaff(viewer.user)) throw new ShopError('COURSE_NOT_OWNED')
    if (viewer && (await seesAll(db, viewer.user, courseId))) return lesson
    if (!lesson.published) throw new ShopError('COURSE_NOT_FOUND')
    throw new ShopError(viewer ? 'COURSE_NOT_OWNED' : 'LOGIN_REQUIRED')
  }

  app.get(
    '/api/courses/:id/lessons/:lessonId',
    {
      schema: {
        tags,
        params: LessonId,
        querystring: Type.Object({
          as: Type.Optional(
            Type.Enum(['buyer'], { description: 'For staff: as for somebody who has not bought the course' }),
          ),
        }),
        response: { 200: Type.Ref('Lesson'), ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id, lessonId } = request.params
      const asBuyer = request.query.as === 'buyer'
      const { video, openToAll: _, published: __, ...lesson } = await readable(request, id, lessonId, asBuyer)
      reply.header('cache-control', 'private, no-store')
      return { ...lesson, videoUrl: video && `/api/courses/${id}/lessons/${lessonId}/video` }
    },
  )

  app.get(
    '/api/courses/:id/lessons/:lessonId/video',
    { schema: { hide: true, params: LessonId } },
    async (request, reply) => {
      const { video } = await readable(request, request.params.id, request.params.lessonId)
      const folder = video && UPLOADED.test(video) ? videos.uploaded : videos.demo
      const file = video && join(folder, basename(video))
      const size = file
        ? await stat(file).then(
            (found) => found.size,
            () => undefined,
          )
        : undefined
      if (!file || size === undefined) throw new ShopError('LESSON_NOT_FOUND')
      reply
        .type(kindOfName(file)?.mediaType ?? 'video/mp4')
        .header('accept-ranges', 'bytes')
        .header('cache-control', 'private, max-age=3600')
      const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')
      if (!range || (!range[1] && !range[2])) return reply.header('content-length', size).send(createReadStream(file))
      const start = range[1] ? Number(range[1]) : Math.max(0, size - Number(range[2]))
      const end = range[1] && range[2] ? Math.min(Number(range[2]), size - 1) : size - 1
      if (start > end) return reply.code(416).header('content-range', `bytes */${size}`).send()
      reply
        .code(206)
        .header('content-range', `bytes ${start}-${end}/${size}`)
        .header('content-length', end - start + 1)
      return reply.send(createReadStream(file, { start, end }))
    },
  )
}
