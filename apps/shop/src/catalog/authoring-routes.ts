/** Courses at the authors' desk: every change and its line in the audit log, together or not at all. */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { audit, type Deed } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Database, Transaction } from '../database/connect.ts'
import { readerLanguage } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { Nothing, problems } from '../http/shapes.ts'
import { formatYuan } from '../money.ts'
import { createCourse, deleteCourse, editCourse, publishCourse, unpublishCourse } from './authoring.ts'
import {
  addChapter,
  addLesson,
  deleteChapter,
  deleteLesson,
  editLesson,
  orderContent,
  renameChapter,
} from './authoring-content.ts'
import { readChoices, readForAuthor, readLessonForAuthor, searchCourses } from './authoring-read.ts'
import {
  AdminCourseRowShape,
  AdminCourseShape,
  AdminLessonShape,
  ChapterEdit,
  ChapterFields,
  CourseEdit,
  CourseFields,
  CourseOrder,
  LessonEdit,
  LessonStart,
  VersionOnly,
} from './authoring-shapes.ts'
import { CourseId } from './routes.ts'

/** Lessons are longer than other requests. */
const LESSON_BODY_LIMIT = 1024 * 1024

export function addAuthoringDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(AdminCourseRowShape)
  desk.addSchema(AdminCourseShape)
  desk.addSchema(AdminLessonShape)
  const tags = ['desk: courses']
  const read = { right: 'courses.read' } as const
  const write = { right: 'courses.write' } as const
  const asCourse = { 200: Type.Ref('AdminCourse'), ...problems(401, 403, 404, 409, 422) }
  const asLesson = { 200: Type.Ref('AdminLesson'), ...problems(401, 403, 404, 409, 422) }
  const languageOf = (request: FastifyRequest) => readerLanguage(request.headers['accept-language'])
  const course = (request: FastifyRequest, id: number) => readForAuthor(db, id, languageOf(request))

  /** Does the work once for its key, if it has one, and writes it down. */
  const change = <Made>(
    request: FastifyRequest,
    work: (tx: Transaction, now: Date) => Promise<{ made: Made; deed: Omit<Deed, 'at'> }>,
  ): Promise<Made> =>
    db.transaction().execute((tx) => {
      const at = clock()
      const staff = staffOf(request)
      return once(tx, staff.user.id, repeatable(request), at, async () => {
        const { made, deed } = await work(tx, at)
        await audit(tx, staff, { at, ...deed })
        return made
      })
    })

  desk.get(
    '/courses',
    {
      config: read,
      schema: {
        tags,
        summary: 'All courses, drafts as well, newest first',
        querystring: Type.Object({
          q: Type.Optional(Type.String({ maxLength: 100 })),
          status: Type.Optional(Type.Enum(['draft', 'published'])),
          category: Type.Optional(Type.String({ maxLength: 64 })),
          cursor: Type.Optional(Type.String({ maxLength: 200 })),
        }),
        response: {
          200: Type.Object({
            items: Type.Array(Type.Ref('AdminCourseRow')),
            next: Type.Union([Type.String(), Type.Null()]),
          }),
          ...problems(401, 403, 422),
        },
      },
    },
    ({ query }) => searchCourses(db, query),
  )

  desk.get(
    '/course-choices',
    {
      config: read,
      schema: {
        tags,
        summary: 'The categories and teachers that a course may have',
        response: {
          200: Type.Object({
            categories: Type.Array(Type.Object({ slug: Type.String(), nameZh: Type.String(), nameEn: Type.String() })),
            teachers: Type.Array(Type.Object({ slug: Type.String(), name: Type.String(), title: Type.String() })),
          }),
          ...problems(401, 403),
        },
      },
    },
    () => readChoices(db),
  )

  desk.post(
    '/courses',
    {
      config: write,
      schema: {
        tags,
        summary: 'A new draft',
        headers: IdempotencyHeader,
        body: CourseFields,
        response: { 201: Type.Ref('AdminCourse'), ...problems(401, 403, 422) },
      },
    },
    async (request, reply) => {
      const { title, price } = request.body
      const { id } = await change(request, async (tx) => {
        const made = await createCourse(tx, request.body, languageOf(request))
        return {
          made: { id: made },
          deed: { action: 'course.create', subject: `courses/${made}`, after: { title, price } },
        }
      })
      return reply.code(201).send(await course(request, id))
    },
  )

  desk.get('/courses/:id', { config: read, schema: { tags, params: CourseId, response: asCourse } }, (request) =>
    course(request, request.params.id),
  )

  desk.put(
    '/courses/:id',
    { config: write, schema: { tags, params: CourseId, body: CourseEdit, response: asCourse } },
    async (request) => {
      const { id } = request.params
      await change(request, async (tx) => {
        const before = await editCourse(tx, id, request.body, languageOf(request))
        const { title, price, originalPrice, category, teacher } = request.body
        return {
          made: null,
          deed: {
            action: 'course.edit',
            subject: `courses/${id}`,
            before: {
              title: before.title,
              price: formatYuan(before.price_fen),
              originalPrice: before.original_price_fen === null ? null : formatYuan(before.original_price_fen),
              category: before.category_slug,
              teacher: before.teacher_slug,
            },
            after: { title, price, originalPrice, category, teacher },
          },
        }
      })
      return course(request, id)
    },
  )

  desk.delete(
    '/courses/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Only what was never ordered nor owned',
        params: CourseId,
        querystring: VersionOnly,
        response: { 204: Nothing, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      await change(request, async (tx) => {
        const { title } = await deleteCourse(tx, id, request.query.version)
        return { made: null, deed: { action: 'course.delete', subject: `courses/${id}`, before: { title } } }
      })
      return reply.code(204).send(null)
    },
  )

  for (const verb of ['publish', 'unpublish'] as const) {
    desk.post(
      `/courses/:id/${verb}`,
      {
        config: write,
        schema: { tags, params: CourseId, headers: IdempotencyHeader, body: VersionOnly, response: asCourse },
      },
      async (request) => {
        const { id } = request.params
        const { version } = request.body
        await change(request, async (tx, now) => {
          if (verb === 'publish') await publishCourse(tx, id, version, now, languageOf(request))
          else await unpublishCourse(tx, id, version)
          return { made: null, deed: { action: `course.${verb}`, subject: `courses/${id}` } }
        })
        return course(request, id)
      },
    )
  }

  desk.put(
    '/courses/:id/order',
    {
      config: write,
      schema: { tags, summary: 'The whole order at once', params: CourseId, body: CourseOrder, response: asCourse },
    },
    async (request) => {
      const { id } = request.params
      await change(request, async (tx) => {
        await orderContent(tx, id, request.body)
        return { made: null, deed: { action: 'course.order', subject: `courses/${id}` } }
      })
      return course(request, id)
    },
  )

  desk.post(
    '/courses/:id/chapters',
    {
      config: write,
      schema: {
        tags,
        params: CourseId,
        headers: IdempotencyHeader,
        body: ChapterFields,
        response: { ...asCourse, 201: Type.Ref('AdminCourse') },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { title } = request.body
      await change(request, async (tx) => {
        const made = await addChapter(tx, id, title)
        return { made, deed: { action: 'chapter.create', subject: `courses/${id}`, after: { chapter: made, title } } }
      })
      return reply.code(201).send(await course(request, id))
    },
  )

  desk.put(
    '/chapters/:id',
    { config: write, schema: { tags, params: CourseId, body: ChapterEdit, response: asCourse } },
    async (request) => {
      const { id: chapter } = request.params
      const { title, version } = request.body
      const id = await change(request, async (tx) => {
        const made = await renameChapter(tx, chapter, title, version)
        return { made, deed: { action: 'chapter.edit', subject: `courses/${made}`, after: { chapter, title } } }
      })
      return course(request, id)
    },
  )

  desk.delete(
    '/chapters/:id',
    { config: write, schema: { tags, params: CourseId, querystring: VersionOnly, response: asCourse } },
    async (request) => {
      const { id: chapter } = request.params
      const id = await change(request, async (tx) => {
        const made = await deleteChapter(tx, chapter, request.query.version, languageOf(request))
        return { made, deed: { action: 'chapter.delete', subject: `courses/${made}`, before: { chapter } } }
      })
      return course(request, id)
    },
  )

  desk.post(
    '/chapters/:id/lessons',
    {
      config: write,
      schema: {
        tags,
        params: CourseId,
        headers: IdempotencyHeader,
        body: LessonStart,
        response: { ...asLesson, 201: Type.Ref('AdminLesson') },
      },
    },
    async (request, reply) => {
      const { title } = request.body
      const made = await change(request, async (tx) => {
        const { id, courseId } = await addLesson(tx, request.params.id, title)
        const after = { lesson: id, title }
        return { made: id, deed: { action: 'lesson.create', subject: `courses/${courseId}`, after } }
      })
      return reply.code(201).send(await readLessonForAuthor(db, made))
    },
  )

  desk.get('/lessons/:id', { config: read, schema: { tags, params: CourseId, response: asLesson } }, (request) =>
    readLessonForAuthor(db, request.params.id),
  )

  desk.put(
    '/lessons/:id',
    {
      config: write,
      bodyLimit: LESSON_BODY_LIMIT,
      schema: { tags, params: CourseId, body: LessonEdit, response: asLesson },
    },
    async (request) => {
      const { id } = request.params
      await change(request, async (tx) => {
        const courseId = await editLesson(tx, id, request.body, languageOf(request))
        const { title, minutes, preview, video, markdown } = request.body
        const after = { lesson: id, title, minutes, preview, video, characters: markdown.length }
        return { made: null, deed: { action: 'lesson.edit', subject: `courses/${courseId}`, after } }
      })
      return readLessonForAuthor(db, id)
    },
  )

  desk.delete(
    '/lessons/:id',
    { config: write, schema: { tags, params: CourseId, querystring: VersionOnly, response: asCourse } },
    async (request) => {
      const { id: lesson } = request.params
      const id = await change(request, async (tx) => {
        const made = await deleteLesson(tx, lesson, request.query.version, languageOf(request))
        return { made, deed: { action: 'lesson.delete', subject: `courses/${made}`, before: { lesson } } }
      })
      return course(request, id)
    },
  )
}
