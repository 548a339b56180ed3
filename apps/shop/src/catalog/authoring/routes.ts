/** Courses in the back office: the list including drafts, one course, and the actions on it. */
import { Type } from 'typebox'
import { type AdminContext, adminAction } from '../../admin/action.ts'
import type { Application } from '../../http/application.ts'
import { PageShape } from '../../http/cursor.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { requestLanguage } from '../../http/problem.ts'
import { Nothing, problems } from '../../http/shapes.ts'
import { formatYuan } from '../../money.ts'
import { CourseId } from '../routes.ts'
import { readCategories, readTeachers } from './choices.ts'
import { addContentRoutes } from './content-routes.ts'
import { createCourse, deleteCourse, editCourse, publishCourse, unpublishCourse } from './courses.ts'
import { readForAuthor, searchCourses } from './read.ts'
import {
  AdminCourseRowShape,
  AdminCourseShape,
  AdminLessonShape,
  CourseEdit,
  CourseFields,
  CourseSearch,
  courseAnswers,
  courseRoute,
  VersionOnly,
} from './shapes.ts'

export function addAuthoringAdminRoutes(admin: Application, context: AdminContext): void {
  admin.addSchema(AdminCourseRowShape)
  admin.addSchema(AdminCourseShape)
  admin.addSchema(AdminLessonShape)
  addListRoutes(admin, context)
  addCourseRoutes(admin, context)
  addSaleRoutes(admin, context)
  addContentRoutes(admin, context)
}

function addListRoutes(admin: Application, { db }: AdminContext): void {
  admin.get(
    '/courses',
    courseRoute('courses.read', {
      summary: 'All courses, drafts as well, newest first',
      querystring: CourseSearch,
      response: { 200: PageShape('AdminCourseRow'), ...problems(401, 403, 422) },
    }),
    ({ query }) => searchCourses(db, query),
  )

  admin.get(
    '/course-choices',
    courseRoute('courses.read', {
      summary: 'The categories and teachers that a course may have',
      response: {
        200: Type.Object({
          categories: Type.Array(Type.Object({ slug: Type.String(), nameZh: Type.String(), nameEn: Type.String() })),
          teachers: Type.Array(Type.Object({ slug: Type.String(), name: Type.String(), title: Type.String() })),
        }),
        ...problems(401, 403),
      },
    }),
    async () => ({ categories: await readCategories(db), teachers: await readTeachers(db) }),
  )
}

function addCourseRoutes(admin: Application, context: AdminContext): void {
  const { db } = context

  admin.post(
    '/courses',
    courseRoute('courses.write', {
      summary: 'A new draft',
      headers: IdempotencyHeader,
      body: CourseFields,
      response: { 201: Type.Ref('AdminCourse'), ...problems(401, 403, 422) },
    }),
    async (request, reply) => {
      const { body } = request
      const { id } = await adminAction(context, {
        request,
        work: ({ tx }) => createCourse(tx, body, requestLanguage(request)),
        audit: (made) => ({ action: 'course.create', subject: `courses/${made}`, after: body }),
        view: (made) => ({ id: made }),
      })
      return reply.code(201).send(await readForAuthor(db, id, requestLanguage(request)))
    },
  )

  admin.get('/courses/:id', courseRoute('courses.read', { params: CourseId, response: courseAnswers }), (request) =>
    readForAuthor(db, request.params.id, requestLanguage(request)),
  )

  admin.put(
    '/courses/:id',
    courseRoute('courses.write', { params: CourseId, body: CourseEdit, response: courseAnswers }),
    async (request) => {
      const { id } = request.params
      const { version, ...after } = request.body
      await adminAction(context, {
        request,
        work: ({ tx }) => editCourse(tx, id, request.body, requestLanguage(request)),
        audit: (before) => ({ action: 'course.edit', subject: `courses/${id}`, before: auditedCourse(before), after }),
      })
      return readForAuthor(db, id, requestLanguage(request))
    },
  )

  admin.delete(
    '/courses/:id',
    courseRoute('courses.write', {
      summary: 'Only what was never ordered nor owned',
      params: CourseId,
      querystring: VersionOnly,
      response: { 204: Nothing, ...problems(401, 403, 404, 409, 422) },
    }),
    async (request, reply) => {
      const { id } = request.params
      await adminAction(context, {
        request,
        work: ({ tx }) => deleteCourse(tx, id, request.query.version),
        audit: (before) => ({ action: 'course.delete', subject: `courses/${id}`, before: auditedCourse(before) }),
      })
      return reply.code(204).send(null)
    },
  )
}

function addSaleRoutes(admin: Application, context: AdminContext): void {
  for (const verb of ['publish', 'unpublish'] as const) {
    admin.post(
      `/courses/:id/${verb}`,
      courseRoute('courses.write', {
        params: CourseId,
        headers: IdempotencyHeader,
        body: VersionOnly,
        response: courseAnswers,
      }),
      async (request) => {
        const { id } = request.params
        const { version } = request.body
        await adminAction(context, {
          request,
          work: ({ tx, now }) =>
            verb === 'publish'
              ? publishCourse(tx, id, version, now, requestLanguage(request))
              : unpublishCourse(tx, id, version),
          audit: ({ status }) => {
            const after = { status: verb === 'publish' ? 'published' : 'draft' }
            return { action: `course.${verb}`, subject: `courses/${id}`, before: { status }, after }
          },
        })
        return readForAuthor(context.db, id, requestLanguage(request))
      },
    )
  }
}

/** Audited fields of a course, under the names of the form. */
const auditedCourse = (course: Awaited<ReturnType<typeof editCourse>>) => ({
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
