/** Courses at the authors' desk: every change and its line in the audit log, together or not at all. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
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
      const { body } = request
      const { id } = await change(request, async (tx) => {
        const made = await createCourse(tx, body, languageOf(request))
        return { made: { id: made }, deed: { action: 'course.create', subject: `courses/${made}`, after: body } }
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
        const { version, ...after } = request.body
        const deed = { action: 'course.edit', subject: `courses/${id}`, before: toldOfCourse(before), after }
        return { made: null, deed }
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
        const before = toldOfCourse(await deleteCourse(tx, id, request.query.version))
        return { made: null, deed: { action: 'course.delete', subject: `courses/${id}`, before } }
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
          const { status } =
            verb === 'publish'
              ? await publishCourse(tx, id, version, now, languageOf(request))
              : await unpublishCourse(tx, id, version)
          const after = { status: verb === 'publish' ? 'published' : 'draft' }
          return { made: null, deed: { action: `course.${verb}`, subject: `courses/${id}`, before: { status }, after } }
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
        const before = { chapters: await orderContent(tx, id, request.body) }
        const after = { chapters: request.body.chapters }
        return { made: null, deed: { action: 'course.order', subject: `courses/${id}`, before, after } }
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
        const { courseId, title: former } = await renameChapter(tx, chapter, title, version)
        const changed = { before: { chapter, title: former }, after: { chapter, title } }
        return { made: courseId, deed: { action: 'chapter.edit', subject: `courses/${courseId}`, ...changed } }
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
        const { courseId, ...gone } = await deleteChapter(tx, chapter, request.query.version, languageOf(request))
        const before = { chapter, ...gone }
        return { made: courseId, deed: { action: 'chapter.delete', subject: `courses/${courseId}`, before } }
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
        const before = await editLesson(tx, id, request.body, languageOf(request))
        const changed = { before: toldOfLesson(id, before), after: toldOfLesson(id, request.body) }
        return { made: null, deed: { action: 'lesson.edit', subject: `courses/${before.course_id}`, ...changed } }
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
        const gone = await deleteLesson(tx, lesson, request.query.version, languageOf(request))
        const deed = {
          action: 'lesson.delete',
          subject: `courses/${gone.course_id}`,
          before: toldOfLesson(lesson, gone),
        }
        return { made: gone.course_id, deed }
      })
      return course(request, id)
    },
  )
}

/** What of a course the audit log tells, under the names of the form. */
const toldOfCourse = (course: Awaited<ReturnType<typeof editCourse>>) => ({
  title: course.title,
  promise: course.promise,
  outcomes: course.outcomes,
  language: course.language,
  category: course.category_slug,
  teacher: course.teacher_slug,
  price: formatYuan(course.price_fen),
  originalPrice: course.original_price_fen === null ? null : formatYuan(course.original_price_fen),
  cover: course.cover,
})

/** What of a lesson the audit log tells; of its text, which may be long, the length and a digest that shows whether it changed. */
const toldOfLesson = (lesson: number, of: Omit<Static<typeof LessonEdit>, 'version'>) => {
  const { title, minutes, preview, video, markdown } = of
  const sha256 = createHash('sha256').update(markdown).digest('hex')
  return { lesson, title, minutes, preview, video, characters: markdown.length, sha256 }
}
