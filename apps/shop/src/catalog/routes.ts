/** The public catalogue: categories, courses, search, covers. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Database } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { lineOf } from '../http/addresses/address-line.ts'
import type { Application } from '../http/application.ts'
import { PageShape } from '../http/cursor.ts'
import { problems, WholeList, wholeList } from '../http/shapes.ts'
import { listCategories, listCourses, readCourse } from './courses.ts'
import { drawCover } from './files/cover.ts'
import type { ResponseCache } from './response-cache.ts'
import { CategoryShape, CourseDetailShape, CourseQuery, CourseSummaryShape, LessonShape } from './shapes.ts'

export const CourseId = Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) })

export interface CatalogRoutes {
  readonly db: Database
  readonly kept: ResponseCache
  /** Whether the client may see this course although it is not on sale. */
  readonly seesDraft: (request: FastifyRequest, courseId: number) => Promise<boolean>
}

export function addCatalogRoutes(app: Application, routes: CatalogRoutes): void {
  app.addSchema(CategoryShape)
  app.addSchema(CourseSummaryShape)
  app.addSchema(CourseDetailShape)
  app.addSchema(LessonShape)
  addCourseRoutes(app, routes)
  addCoverRoute(app, routes)
}

function addCourseRoutes(app: Application, { db, kept, seesDraft }: CatalogRoutes): void {
  const tags = ['catalog']
  const config = { access: 'anyone' } as const

  app.get('/api/categories', { config, schema: { tags, response: { 200: WholeList('Category') } } }, ({ ip }, reply) =>
    answer(
      reply,
      kept.get('categories', lineOf(ip), async () => wholeList(await listCategories(db))),
    ),
  )

  app.get(
    '/api/courses',
    {
      config,
      schema: {
        tags,
        summary: 'List and search courses',
        description:
          'A page may hold fewer courses than its limit, even none, while `next` leads on: a filter is tried on so many courses a request.',
        querystring: CourseQuery,
        response: {
          200: PageShape('CourseSummary'),
          ...problems(422),
        },
      },
    },
    ({ query, ip }, reply) =>
      answer(
        reply,
        kept.get(listKey(query), lineOf(ip), () => listCourses(db, query)),
      ),
  )

  app.get(
    '/api/courses/:id',
    { config, schema: { tags, params: CourseId, response: { 200: Type.Ref('CourseDetail'), ...problems(404, 422) } } },
    async (request, reply) => {
      const { id } = request.params
      try {
        return await answer(
          reply,
          kept.get(courseKey(id), lineOf(request.ip), () => readCourse(db, id)),
        )
      } catch (error) {
        const hidden = error instanceof ShopError && error.code === 'COURSE_NOT_FOUND'
        if (!hidden || !(await seesDraft(request, id))) throw error
        return reply.header('cache-control', 'private, no-store').send(await readCourse(db, id, true))
      }
    },
  )
}

function addCoverRoute(app: Application, { db, seesDraft }: CatalogRoutes): void {
  app.get('/covers/:id.svg', { schema: { hide: true, params: CourseId } }, async (request, reply) => {
    const course = await db
      .selectFrom('courses')
      .innerJoin('categories', 'categories.slug', 'courses.category_slug')
      .select(['courses.title', 'courses.slug', 'courses.language', 'courses.published_at', 'categories.palette'])
      .where('courses.id', '=', request.params.id)
      .executeTakeFirstOrThrow(() => new ShopError('COURSE_NOT_FOUND'))
    // Orders may refer to a course that was once published, so only one that never was is hidden.
    const draft = course.published_at === null
    if (draft && !(await seesDraft(request, request.params.id))) throw new ShopError('COURSE_NOT_FOUND')
    const { title, slug, language, palette } = course
    return reply
      .type('image/svg+xml; charset=utf-8')
      .header('cache-control', draft ? 'private, no-store' : 'public, max-age=300')
      .send(drawCover({ title, seed: slug, palette, language }))
  })
}

/** Sends bytes that are serialized already. */
const answer = async (reply: FastifyReply, bytes: Promise<Buffer>) =>
  reply.type('application/json; charset=utf-8').send(await bytes)

/** The same query has the same key, whatever the order of its parameters. */
const listKey = (query: Readonly<Record<string, unknown>>): string =>
  `courses ${JSON.stringify(Object.entries(query).sort(([left], [right]) => (left < right ? -1 : 1)))}`

const courseKey = (id: number): string => `course ${id}`

/** The first cover on the page at this address, if it is in the cache; never waits for the database. */
export function firstCover(kept: ResponseCache, path: string): string | undefined {
  const course = /^\/courses\/(\d{1,10})$/.exec(path)?.[1]
  const known = course ? kept.known(courseKey(Number(course))) : path === '/' ? kept.known(listKey({})) : undefined
  if (known === undefined) return undefined
  const answer = JSON.parse(known.toString()) as { coverUrl?: string; items?: { coverUrl: string }[] }
  return answer.coverUrl ?? answer.items?.[0]?.coverUrl
}
