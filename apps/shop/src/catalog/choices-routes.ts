/** Categories and teachers at the authors' desk. */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { audit, type Deed } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Database, Transaction } from '../database/connect.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { Nothing, problems, WholeList, wholeList } from '../http/shapes.ts'
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

const Slug = Type.Object({ slug: Type.String({ minLength: 1, maxLength: 64 }) })
const Slugs = Type.Object(
  { slugs: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 1000 }) },
  { additionalProperties: false },
)
const Added = Type.Object({ slug: Type.String() })

export function addChoicesDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(AdminCategoryShape)
  desk.addSchema(AdminTeacherShape)
  const tags = ['desk: courses']
  const read = { right: 'courses.read' } as const
  const write = { right: 'courses.write' } as const
  const asCategories = { 200: WholeList('AdminCategory'), ...problems(401, 403) }
  const asTeachers = { 200: WholeList('AdminTeacher'), ...problems(401, 403) }
  const added = { 201: Added, ...problems(401, 403, 422) }
  const nothing = { 204: Nothing, ...problems(401, 403, 404, 409, 422) }

  /** Does the work once for its key, if it has one, and writes it down. */
  const change = <Made>(
    request: FastifyRequest,
    work: (tx: Transaction) => Promise<{ made: Made; deed: Omit<Deed, 'at'> }>,
  ): Promise<Made> =>
    db.transaction().execute((tx) => {
      const at = clock()
      const staff = staffOf(request)
      return once(tx, staff.user.id, repeatable(request), at, async () => {
        const { made, deed } = await work(tx)
        await audit(tx, staff, { at, ...deed })
        return made
      })
    })

  desk.get(
    '/categories',
    { config: read, schema: { tags, summary: 'All categories, in their order', response: asCategories } },
    async () => wholeList(await readCategories(db)),
  )
  desk.get(
    '/teachers',
    { config: read, schema: { tags, summary: 'All teachers, in their order', response: asTeachers } },
    async () => wholeList(await readTeachers(db)),
  )

  desk.post(
    '/categories',
    { config: write, schema: { tags, headers: IdempotencyHeader, body: CategoryFields, response: added } },
    async (request, reply) => {
      const { body } = request
      const made = await change(request, async (tx) => {
        const slug = await addCategory(tx, body)
        return { made: { slug }, deed: { action: 'category.create', subject: `categories/${slug}`, after: body } }
      })
      return reply.code(201).send(made)
    },
  )
  desk.post(
    '/teachers',
    { config: write, schema: { tags, headers: IdempotencyHeader, body: TeacherFields, response: added } },
    async (request, reply) => {
      const { body } = request
      const made = await change(request, async (tx) => {
        const slug = await addTeacher(tx, body)
        return { made: { slug }, deed: { action: 'teacher.create', subject: `teachers/${slug}`, after: body } }
      })
      return reply.code(201).send(made)
    },
  )

  desk.put(
    '/categories/:slug',
    { config: write, schema: { tags, params: Slug, body: CategoryFields, response: nothing } },
    async (request, reply) => {
      const { slug } = request.params
      await change(request, async (tx) => {
        const before = await editCategory(tx, slug, request.body)
        const deed = { action: 'category.edit', subject: `categories/${slug}`, before, after: request.body }
        return { made: null, deed }
      })
      return reply.code(204).send(null)
    },
  )
  desk.put(
    '/teachers/:slug',
    { config: write, schema: { tags, params: Slug, body: TeacherFields, response: nothing } },
    async (request, reply) => {
      const { slug } = request.params
      await change(request, async (tx) => {
        const before = await editTeacher(tx, slug, request.body)
        const deed = { action: 'teacher.edit', subject: `teachers/${slug}`, before, after: request.body }
        return { made: null, deed }
      })
      return reply.code(204).send(null)
    },
  )

  const kinds: readonly [ChoiceTable, 'category' | 'teacher'][] = [
    ['categories', 'category'],
    ['teachers', 'teacher'],
  ]
  for (const [table, kind] of kinds) {
    desk.put(
      `/${table}-order`,
      { config: write, schema: { tags, summary: 'All of them, in their new order', body: Slugs, response: nothing } },
      async (request, reply) => {
        await change(request, async (tx) => {
          const before = { slugs: await orderChoices(tx, table, request.body.slugs) }
          return { made: null, deed: { action: `${kind}.order`, subject: table, before, after: request.body } }
        })
        return reply.code(204).send(null)
      },
    )
    desk.delete(
      `/${table}/:slug`,
      { config: write, schema: { tags, summary: 'Unless a course has it', params: Slug, response: nothing } },
      async (request, reply) => {
        const { slug } = request.params
        await change(request, async (tx) => {
          const before = await deleteChoice(tx, table, slug)
          return { made: null, deed: { action: `${kind}.delete`, subject: `${table}/${slug}`, before } }
        })
        return reply.code(204).send(null)
      },
    )
  }
}
