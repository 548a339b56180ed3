/** Chapters and lessons in the back office: create, edit, delete, reorder. */
import { createHash } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { type AdminContext, adminAction } from '../../admin/action.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { requestLanguage } from '../../http/problem.ts'
import { CourseId } from '../routes.ts'
import {
  addChapter,
  addLesson,
  deleteChapter,
  deleteLesson,
  editLesson,
  orderContent,
  renameChapter,
} from './content.ts'
import { readForAuthor, readLessonForAuthor } from './read.ts'
import {
  ChapterEdit,
  ChapterFields,
  CourseOrder,
  courseAnswers,
  courseRoute,
  LessonEdit,
  LessonStart,
  lessonAnswers,
  VersionOnly,
} from './shapes.ts'

/** Lesson texts need a larger limit than other requests. */
const LESSON_BODY_LIMIT = 1024 * 1024
/** Fits about five thousand lessons. */
const ORDER_BODY_LIMIT = 64 * 1024

export function addContentRoutes(admin: Application, context: AdminContext): void {
  addOrderRoute(admin, context)
  addChapterRoutes(admin, context)
  addNewLessonRoute(admin, context)
  addLessonRoutes(admin, context)
}

function addOrderRoute(admin: Application, context: AdminContext): void {
  admin.put(
    '/courses/:id/order',
    courseRoute('courses.write', {
      bodyLimit: ORDER_BODY_LIMIT,
      summary: 'The whole order at once',
      params: CourseId,
      body: CourseOrder,
      response: courseAnswers,
    }),
    async (request) => {
      const { id } = request.params
      const { chapters } = request.body
      await adminAction(context, {
        request,
        work: ({ tx }) => orderContent(tx, id, request.body),
        audit: (before) => {
          return { action: 'course.order', subject: `courses/${id}`, before: { chapters: before }, after: { chapters } }
        },
      })
      return readForAuthor(context.db, id, requestLanguage(request))
    },
  )
}

function addChapterRoutes(admin: Application, context: AdminContext): void {
  const { db } = context

  admin.post(
    '/courses/:id/chapters',
    courseRoute('courses.write', {
      params: CourseId,
      headers: IdempotencyHeader,
      body: ChapterFields,
      response: { ...courseAnswers, 201: Type.Ref('AdminCourse') },
    }),
    async (request, reply) => {
      const { id } = request.params
      const { title } = request.body
      await adminAction(context, {
        request,
        work: ({ tx }) => addChapter(tx, id, title),
        audit: (chapter) => ({ action: 'chapter.create', subject: `courses/${id}`, after: { chapter, title } }),
      })
      return reply.code(201).send(await readForAuthor(db, id, requestLanguage(request)))
    },
  )

  admin.put(
    '/chapters/:id',
    courseRoute('courses.write', { params: CourseId, body: ChapterEdit, response: courseAnswers }),
    async (request) => {
      const { id: chapter } = request.params
      const { title, version } = request.body
      const courseId = await adminAction(context, {
        request,
        work: ({ tx }) => renameChapter(tx, chapter, title, version),
        audit: (former) => {
          const [before, after] = [
            { chapter, title: former.title },
            { chapter, title },
          ]
          return { action: 'chapter.edit', subject: `courses/${former.courseId}`, before, after }
        },
        view: (former) => former.courseId,
      })
      return readForAuthor(db, courseId, requestLanguage(request))
    },
  )

  admin.delete(
    '/chapters/:id',
    courseRoute('courses.write', { params: CourseId, querystring: VersionOnly, response: courseAnswers }),
    async (request) => {
      const { id: chapter } = request.params
      const courseId = await adminAction(context, {
        request,
        work: ({ tx }) => deleteChapter(tx, chapter, request.query.version, requestLanguage(request)),
        audit: ({ courseId, ...gone }) => {
          return { action: 'chapter.delete', subject: `courses/${courseId}`, before: { chapter, ...gone } }
        },
        view: (gone) => gone.courseId,
      })
      return readForAuthor(db, courseId, requestLanguage(request))
    },
  )
}

function addNewLessonRoute(admin: Application, context: AdminContext): void {
  admin.post(
    '/chapters/:id/lessons',
    courseRoute('courses.write', {
      params: CourseId,
      headers: IdempotencyHeader,
      body: LessonStart,
      response: { ...lessonAnswers, 201: Type.Ref('AdminLesson') },
    }),
    async (request, reply) => {
      const { title } = request.body
      const lesson = await adminAction(context, {
        request,
        work: ({ tx }) => addLesson(tx, request.params.id, title),
        audit: ({ id, courseId }) => {
          return { action: 'lesson.create', subject: `courses/${courseId}`, after: { lesson: id, title } }
        },
        view: ({ id }) => id,
      })
      return reply.code(201).send(await readLessonForAuthor(context.db, lesson))
    },
  )
}

function addLessonRoutes(admin: Application, context: AdminContext): void {
  const { db } = context

  admin.get('/lessons/:id', courseRoute('courses.read', { params: CourseId, response: lessonAnswers }), (request) =>
    readLessonForAuthor(db, request.params.id),
  )

  admin.put(
    '/lessons/:id',
    courseRoute('courses.write', {
      bodyLimit: LESSON_BODY_LIMIT,
      params: CourseId,
      body: LessonEdit,
      response: lessonAnswers,
    }),
    async (request) => {
      const { id } = request.params
      const after = auditedLesson(id, request.body)
      await adminAction(context, {
        request,
        work: ({ tx }) => editLesson(tx, id, request.body, requestLanguage(request)),
        audit: (former) => {
          const before = auditedLesson(id, former)
          return { action: 'lesson.edit', subject: `courses/${former.course_id}`, before, after }
        },
      })
      return readLessonForAuthor(db, id)
    },
  )

  admin.delete(
    '/lessons/:id',
    courseRoute('courses.write', { params: CourseId, querystring: VersionOnly, response: courseAnswers }),
    async (request) => {
      const { id: lesson } = request.params
      const courseId = await adminAction(context, {
        request,
        work: ({ tx }) => deleteLesson(tx, lesson, request.query.version, requestLanguage(request)),
        audit: (gone) => {
          const before = auditedLesson(lesson, gone)
          return { action: 'lesson.delete', subject: `courses/${gone.course_id}`, before }
        },
        view: (gone) => gone.course_id,
      })
      return readForAuthor(db, courseId, requestLanguage(request))
    },
  )
}

/**
 * Audited fields of a lesson. Its text may be long: only its length and a digest are kept, which show whether it
 * changed.
 */
const auditedLesson = (lesson: number, of: Omit<Static<typeof LessonEdit>, 'version'>) => {
  const { title, minutes, preview, video, markdown } = of
  const sha256 = createHash('sha256').update(markdown).digest('hex')
  return { lesson, title, minutes, preview, video, characters: markdown.length, sha256 }
}
