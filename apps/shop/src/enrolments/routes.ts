/** The courses a user owns, and the lessons that open with them. */
import { basename } from 'node:path'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Principals } from '../auth/principal.ts'
import { coursesById } from '../catalog/courses.ts'
import { readLesson, type StoredLesson } from '../catalog/lessons.ts'
import { CourseId } from '../catalog/routes.ts'
import type { Database } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Cursor, cursorPage, PageShape } from '../http/cursor.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { closed, Moment, Nothing, problems, viewOf } from '../http/shapes.ts'
import { enrolInFreeCourse, keepPlace } from './access.ts'
import { isMidway, sendVideo, type VideoFolders, videoAddress } from './lesson-video.ts'
import { isStaff, seesAll } from './readers.ts'

const PAGE = 50

const LessonId = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  lessonId: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
})

const VideoOfLesson = Type.Object({
  ...LessonId.properties,
  name: Type.Optional(
    Type.String({ maxLength: 200, description: 'Missing in addresses from before it was part of them' }),
  ),
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
  readonly principals: Principals
  readonly clock: () => Date
  /** The folders of lesson videos. */
  readonly videos: VideoFolders
}

export function addEnrolmentRoutes(app: Application, routes: EnrolmentRoutes): void {
  app.addSchema(OwnedCourse)
  addListRoute(app, routes)
  addOwningRoutes(app, routes)
  addLessonRoutes(app, routes)
}

const tags = ['learning']

function addListRoute(app: Application, { db, principals }: EnrolmentRoutes): void {
  app.get(
    '/api/me/courses',
    {
      config: { access: 'account' },
      schema: {
        tags,
        summary: 'What I own',
        querystring: Type.Object({ cursor: Cursor }),
        response: {
          200: PageShape('OwnedCourse'),
          ...problems(401, 422),
        },
      },
    },
    async (request) => {
      const { user } = await principals.require(request)
      const query = db
        .selectFrom('enrolments')
        .leftJoin('orders', 'orders.id', 'enrolments.order_id')
        .where('enrolments.user_id', '=', user.id)
        .where('enrolments.revoked_at', 'is', null)
        .select(['enrolments.id', 'enrolments.course_id', 'enrolments.granted_at as since'])
        .select(['enrolments.last_lesson_id', 'orders.order_no'])
      return cursorPage({
        cursor: request.query.cursor,
        query,
        key: 'enrolments.id',
        size: PAGE,
        async view(rows) {
          const ids = rows.map((row) => row.course_id)
          const courses = await coursesById(db, ids)
          return rows.flatMap((row) => {
            const course = courses.get(row.course_id)
            return course ? [{ course, ...viewOf(row) }] : []
          })
        },
      })
    },
  )
}

function addOwningRoutes(app: Application, { db, principals, clock }: EnrolmentRoutes): void {
  app.post(
    '/api/courses/:id/enrolment',
    {
      config: { access: 'account' },
      schema: {
        tags,
        summary: 'Take a free course',
        params: CourseId,
        headers: IdempotencyHeader,
        response: { 204: Nothing, ...problems(401, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { user } = await principals.require(request)
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
      config: { access: 'account' },
      schema: {
        tags,
        summary: 'Keep my place',
        params: CourseId,
        body: closed({ lessonId: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) }),
        response: { 204: Nothing, ...problems(401, 422) },
      },
    },
    async (request, reply) => {
      const { user } = await principals.require(request)
      await keepPlace(db, user.id, request.params.id, request.body.lessonId)
      return reply.code(204).send(null)
    },
  )
}

function addLessonRoutes(app: Application, { db, principals, videos }: EnrolmentRoutes): void {
  /** The lesson, if the client may read it. @throws ShopError LOGIN_REQUIRED, COURSE_NOT_OWNED */
  const readable = async (
    request: FastifyRequest,
    courseId: number,
    lessonId: number,
    asBuyer = false,
  ): Promise<StoredLesson> => {
    const lesson = await readLesson(db, courseId, lessonId)
    if (lesson.openToAll) return lesson
    const principal = await principals.find(request)
    // Staff who preview as a buyer see only what buyers see; drafts are never part of that preview.
    if (asBuyer && lesson.published && principal && isStaff(principal.user)) throw new ShopError('COURSE_NOT_OWNED')
    if (principal && (await seesAll(db, principal.user, courseId))) return lesson
    if (!lesson.published) throw new ShopError('COURSE_NOT_FOUND')
    throw new ShopError(principal ? 'COURSE_NOT_OWNED' : 'LOGIN_REQUIRED')
  }

  app.get(
    '/api/courses/:id/lessons/:lessonId',
    {
      config: { access: 'anyone' },
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
      return { ...lesson, videoUrl: video && videoAddress(id, lessonId, video) }
    },
  )

  app.get(
    '/api/courses/:id/lessons/:lessonId/video/:name?',
    { config: { access: 'anyone' }, schema: { hide: true, params: VideoOfLesson } },
    async (request, reply) => {
      const { id, lessonId, name } = request.params
      const { video } = await readable(request, id, lessonId)
      if (video && basename(video) === name) return sendVideo(request, reply, videos, video)
      // The video was replaced after the page was opened.
      if (!video || (name !== undefined && isMidway(request))) throw new ShopError('LESSON_NOT_FOUND')
      return reply.header('cache-control', 'private, no-store').redirect(videoAddress(id, lessonId, video))
    },
  )
}
