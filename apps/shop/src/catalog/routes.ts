/** The catalogue for anyone: categories, courses, search, covers. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { problems, WholeList, wholeList } from '../http/shapes.ts'
import { listCategories, listCourses, readCourse } from './courses.ts'
import { drawCover } from './cover.ts'
import type { KeptAnswers } from './kept-answers.ts'
import { CategoryShape, CourseDetailShape, CourseSummaryShape, LessonShape } from './shapes.ts'

const Query = Type.Object({
  kind: Type.Optional(Type.Enum(['free', 'paid'])),
  category: Type.Optional(Type.String({ maxLength: 64 })),
  q: Type.Optional(Type.String({ maxLength: 100 })),
  sort: Type.Optional(Type.Enum(['newest', 'price', '-price', 'popular'])),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
})

export const CourseId = Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) })

export interface CatalogRoutes {
  readonly db: Database
  readonly kept: KeptAnswers
  /** Whether who asks may see this course although it is not on sale. */
  readonly seesDraft: (request: FastifyRequest, courseId: number) => Promise<boolean>
}

export function addCatalogRoutes(app: Application, { db, kept, seesDraft }: CatalogRoutes): void {
  app.addSchema(CategoryShape)
  app.addSchema(CourseSummaryShape)
  app.addSchema(CourseDetailShape)
  app.addSchema(LessonShape)
  const tags = ['catalog']

  app.get('/api/categories', { schema: { tags, response: { 200: WholeList('Category') } } }, (_request, reply) =>
    answer(
      reply,
      kept.get('categories', async () => wholeList(await listCategories(db))),
    ),
  )

  app.get(
    '/api/courses',
    {
      schema: {
        tags,
        summary: 'List and search courses',
        querystring: Query,
        response: {
          200: Type.Object({
            items: Type.Array(Type.Ref('CourseSummary')),
            next: Type.Union([Type.String(), Type.Null()]),
          }),
          ...problems(422),
        },
      },
    },
    ({ query }, reply) =>
      answer(
        reply,
        kept.get(listKey(query), () => listCourses(db, query)),
      ),
  )

  app.get(
    '/api/courses/:id',
    { schema: { tags, params: CourseId, response: { 200: Type.Ref('CourseDetail'), ...problems(404, 422) } } },
    async (request, reply) => {
      const { id } = request.params
      try {
        return await answer(
          reply,
          kept.get(courseKey(id), () => readCourse(db, id)),
        )
      } catch (error) {
        const hidden = error instanceof ShopError && error.code === 'COURSE_NOT_FOUND'
        if (!hidden || !(await seesDraft(request, id))) throw error
        return reply.header('cache-control', 'private, no-store').send(await readCourse(db, id, true))
      }
    },
  )

  app.get('/covers/:id.svg', { schema: { hide: true, params: CourseId } }, async (request, reply) => {
    const course = await db
      .selectFrom('courses')
      .innerJoin('categories', 'categories.slug', 'courses.category_slug')
      .select(['courses.title', 'courses.slug', 'courses.language', 'courses.published_at', 'categories.palette'])
      .where('courses.id', '=', request.params.id)
      .executeTakeFirst()
    if (!course) throw new ShopError('COURSE_NOT_FOUND')
    // What was on sale once stands in orders; only what never was is hidden.
    const draft = course.published_at === null
    if (draft && !(await seesDraft(request, request.params.id))) throw new ShopError('COURSE_NOT_FOUND')
    const { title, slug, language, palette } = course
    return reply
      .type('image/svg+xml; charset=utf-8')
      .header('cache-control', draft ? 'private, no-store' : 'public, max-age=300')
      .send(drawCover({ title, seed: slug, palette, language }))
  })
}

/** Already as bytes: written once, and sent as they are. */
const answer = async (reply: FastifyReply, bytes: Promise<Buffer>) =>
  reply.type('application/json; charset=utf-8').send(await bytes)

/** The same question has the same key, in whatever order its parts came. */
const listKey = (query: Readonly<Record<string, unknown>>): string =>
  `courses ${JSON.stringify(Object.entries(query).sort(([left], [right]) => (left < right ? -1 : 1)))}`

const courseKey = (id: number): string => `course ${id}`

/** The picture that the page at this address shows first, if the catalogue is known here already: nobody waits for it. */
export function firstCover(kept: KeptAnswers, path: string): string | undefined {
  const course = /^\/courses\/(\d{1,10})$/.exec(path)?.[1]
  const known = course ? kept.known(courseKey(Number(course))) : path === '/' ? kept.known(listKey({})) : undefined
  if (known === undefined) return undefined
  const answer = JSON.parse(known.toString()) as { coverUrl?: string; items?: { coverUrl: string }[] }
  return answer.coverUrl ?? answer.items?.[0]?.coverUrl
}
