/** Categories and teachers in the back office. */
import { Type } from 'typebox'
import { type AdminContext, adminAction } from '../../admin/action.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { closed, Nothing, problems, WholeList, wholeList } from '../../http/shapes.ts'
import {
  AdminCategoryShape,
  AdminTeacherShape,
  addCategory,
  addTeacher,
  CategoryFields,
  type ChoiceTable,
  deleteChoice,
  editCategory,
  editTeacher,
  orderChoices,
  readCategories,
  readTeachers,
  TeacherFields,
} from './choices.ts'
import { courseRoute } from './shapes.ts'

const Slug = Type.Object({ slug: Type.String({ minLength: 1, maxLength: 64 }) })
const Slugs = closed({ slugs: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 1000 }) })
/** Fits about a thousand slugs. */
const ORDER_BODY_LIMIT = 72 * 1024
const Added = Type.Object({ slug: Type.String() })

const added = { 201: Added, ...problems(401, 403, 422) }
const nothing = { 204: Nothing, ...problems(401, 403, 404, 409, 422) }

export function addChoicesAdminRoutes(admin: Application, context: AdminContext): void {
  admin.addSchema(AdminCategoryShape)
  admin.addSchema(AdminTeacherShape)
  addListRoutes(admin, context)
  addNewRoutes(admin, context)
  addEditRoutes(admin, context)
  for (const [table, kind] of [
    ['categories', 'category'],
    ['teachers', 'teacher'],
  ] as const) {
    addOrderRoute(admin, context, table, kind)
    addDeleteRoute(admin, context, table, kind)
  }
}

function addListRoutes(admin: Application, { db }: AdminContext): void {
  const asCategories = { 200: WholeList('AdminCategory'), ...problems(401, 403) }
  admin.get(
    '/categories',
    courseRoute('courses.read', { summary: 'All categories, in their order', response: asCategories }),
    async () => wholeList(await readCategories(db)),
  )
  const asTeachers = { 200: WholeList('AdminTeacher'), ...problems(401, 403) }
  admin.get(
    '/teachers',
    courseRoute('courses.read', { summary: 'All teachers, in their order', response: asTeachers }),
    async () => wholeList(await readTeachers(db)),
  )
}

function addNewRoutes(admin: Application, context: AdminContext): void {
  admin.post(
    '/categories',
    courseRoute('courses.write', { headers: IdempotencyHeader, body: CategoryFields, response: added }),
    async (request, reply) => {
      const made = await adminAction(context, {
        request,
        work: ({ tx }) => addCategory(tx, request.body),
        audit: (slug) => ({ action: 'category.create', subject: `categories/${slug}`, after: request.body }),
        view: (slug) => ({ slug }),
      })
      return reply.code(201).send(made)
    },
  )
  admin.post(
    '/teachers',
    courseRoute('courses.write', { headers: IdempotencyHeader, body: TeacherFields, response: added }),
    async (request, reply) => {
      const made = await adminAction(context, {
        request,
        work: ({ tx }) => addTeacher(tx, request.body),
        audit: (slug) => ({ action: 'teacher.create', subject: `teachers/${slug}`, after: request.body }),
        view: (slug) => ({ slug }),
      })
      return reply.code(201).send(made)
    },
  )
}

function addEditRoutes(admin: Application, context: AdminContext): void {
  admin.put(
    '/categories/:slug',
    courseRoute('courses.write', { params: Slug, body: CategoryFields, response: nothing }),
    async (request, reply) => {
      const { slug } = request.params
      await adminAction(context, {
        request,
        work: ({ tx }) => editCategory(tx, slug, request.body),
        audit: (before) => ({ action: 'category.edit', subject: `categories/${slug}`, before, after: request.body }),
      })
      return reply.code(204).send(null)
    },
  )
  admin.put(
    '/teachers/:slug',
    courseRoute('courses.write', { params: Slug, body: TeacherFields, response: nothing }),
    async (request, reply) => {
      const { slug } = request.params
      await adminAction(context, {
        request,
        work: ({ tx }) => editTeacher(tx, slug, request.body),
        audit: (before) => ({ action: 'teacher.edit', subject: `teachers/${slug}`, before, after: request.body }),
      })
      return reply.code(204).send(null)
    },
  )
}

function addOrderRoute(admin: Application, context: AdminContext, table: ChoiceTable, kind: 'category' | 'teacher') {
  admin.put(
    `/${table}-order`,
    courseRoute('courses.write', {
      bodyLimit: ORDER_BODY_LIMIT,
      summary: 'All of them, in their new order',
      body: Slugs,
      response: nothing,
    }),
    async (request, reply) => {
      await adminAction(context, {
        request,
        work: ({ tx }) => orderChoices(tx, table, request.body.slugs),
        audit: (slugs) => ({ action: `${kind}.order`, subject: table, before: { slugs }, after: request.body }),
      })
      return reply.code(204).send(null)
    },
  )
}

function addDeleteRoute(admin: Application, context: AdminContext, table: ChoiceTable, kind: 'category' | 'teacher') {
  admin.delete(
    `/${table}/:slug`,
    courseRoute('courses.write', { summary: 'Unless a course has it', params: Slug, response: nothing }),
    async (request, reply) => {
      const { slug } = request.params
      await adminAction(context, {
        request,
        work: ({ tx }) => deleteChoice(tx, table, slug),
        audit: (before) => ({ action: `${kind}.delete`, subject: `${table}/${slug}`, before }),
      })
      return reply.code(204).send(null)
    },
  )
}
