/** The catalogue for anyone: categories, courses, search, covers. */
import { Type } from 'typebox'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { problems } from '../http/shapes.ts'
import { listCategories, listCourses, readCourse } from './courses.ts'
import { drawCover } from './cover.ts'
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

export function addCatalogRoutes(app: Application, db: Database): void {
  app.addSchema(CategoryShape)
  app.addSchema(CourseSummaryShape)
  app.addSchema(CourseDetailShape)
  app.addSchema(LessonShape)
  const tags = ['catalog']

  app.get(
    '/api/categories',
    { schema: { tags, response: { 200: Type.Object({ items: Type.Array(Type.Ref('Category')) }) } } },
    async () => ({ items: await listCategories(db) }),
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
    (request) => listCourses(db, request.query),
  )

  app.get(
    '/api/courses/:id',
    { schema: { tags, params: CourseId, response: { 200: Type.Ref('CourseDetail'), ...problems(404, 422) } } },
    (request) => readCourse(db, request.params.id),
  )

  app.get('/covers/:id.svg', { schema: { hide: true, params: CourseId } }, async (request, reply) => {
    const course = await db
      .selectFrom('courses')
      .innerJoin('categories', 'categories.slug', 'courses.category_slug')
      .select(['courses.title', 'courses.slug', 'courses.language', 'categories.palette'])
      .where('courses.id', '=', request.params.id)
      .executeTakeFirst()
    if (!course) throw new ShopError('COURSE_NOT_FOUND')
    const { title, slug, language, palette } = course
    return reply
      .type('image/svg+xml; charset=utf-8')
      .header('cache-control', 'public, max-age=300')
      .send(drawCover({ title, seed: slug, palette, language }))
  })
}
