/** Demo courses: read from `demo/` and written once, on the first start of a shop that is configured to have them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Database, Transaction } from '../db/connect.ts'
import { type Fen, parseYuan } from '../money.ts'

export const DEMO_FOLDER = join(import.meta.dirname, '../../demo')
export const DEMO_VIDEOS = join(DEMO_FOLDER, 'videos')

const Price = Type.String({ pattern: '^\\d+\\.\\d{2}$' })

export const DemoCategories = Type.Array(
  Type.Object({
    slug: Type.String(),
    nameZh: Type.String(),
    nameEn: Type.String(),
    palette: Type.Array(Type.String({ pattern: '^#[0-9a-fA-F]{6}$' }), { minItems: 3 }),
  }),
)

export const DemoTeachers = Type.Array(
  Type.Object({ slug: Type.String(), name: Type.String(), title: Type.String(), bio: Type.String() }),
)

const DemoLesson = Type.Object({
  slug: Type.String(),
  title: Type.String(),
  minutes: Type.Integer({ minimum: 1 }),
  preview: Type.Boolean(),
  file: Type.String(),
  video: Type.Optional(Type.String()),
})

export const DemoCourses = Type.Array(
  Type.Object({
    slug: Type.String(),
    category: Type.String(),
    teacher: Type.String(),
    language: Type.Enum(['zh-CN', 'en']),
    title: Type.String(),
    promise: Type.String(),
    outcomes: Type.Array(Type.String()),
    price: Price,
    originalPrice: Type.Union([Price, Type.Null()]),
    publishedAt: Type.String(),
    chapters: Type.Array(Type.Object({ title: Type.String(), lessons: Type.Array(DemoLesson, { minItems: 1 }) })),
  }),
)

type DemoCourse = Static<typeof DemoCourses>[number]

function read<Shape extends Type.TSchema>(shape: Shape, file: string): Static<Shape> {
  return Value.Parse(shape, JSON.parse(readFileSync(join(DEMO_FOLDER, file), 'utf8')))
}

export const readDemo = () => ({
  categories: read(DemoCategories, 'categories.json'),
  teachers: read(DemoTeachers, 'teachers.json'),
  courses: read(DemoCourses, 'courses.json'),
})

/** Writes the demo catalogue if there is no course yet. @returns whether it was written */
export async function seedCatalog(db: Database): Promise<boolean> {
  if (!existsSync(DEMO_FOLDER)) return false
  return db.transaction().execute(async (tx) => {
    const { count } = await tx
      .selectFrom('courses')
      .select((column) => column.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (Number(count) > 0) return false
    const { categories, teachers, courses } = readDemo()
    await tx
      .insertInto('categories')
      .values(
        categories.map(({ slug, nameZh, nameEn, palette }, position) => ({
          slug,
          position,
          name_zh: nameZh,
          name_en: nameEn,
          palette,
        })),
      )
      .execute()
    await tx
      .insertInto('teachers')
      .values(teachers.map((teacher, position) => ({ ...teacher, position })))
      .execute()
    for (const [index, course] of courses.entries()) await insertCourse(tx, index + 1, course)
    // The courses above have explicit ids; let the sequence continue after them.
    await sql`select setval(pg_get_serial_sequence('courses', 'id'), ${courses.length})`.execute(tx)
    return true
  })
}

async function insertCourse(tx: Transaction, id: number, course: DemoCourse): Promise<void> {
  const lessons = course.chapters.flatMap((chapter) => chapter.lessons)
  await tx
    .insertInto('courses')
    .values({
      id,
      slug: course.slug,
      category_slug: course.category,
      teacher_slug: course.teacher,
      language: course.language,
      title: course.title,
      promise: course.promise,
      outcomes: course.outcomes,
      price_fen: fenOf(course.price),
      original_price_fen: course.originalPrice === null ? null : fenOf(course.originalPrice),
      published_at: new Date(course.publishedAt),
      lesson_count: lessons.length,
      minutes: lessons.reduce((sum, lesson) => sum + lesson.minutes, 0),
    })
    .execute()
  let position = 0
  for (const [index, chapter] of course.chapters.entries()) {
    const row = await tx
      .insertInto('chapters')
      .values({ course_id: id, position: index, title: chapter.title })
      .returning('id')
      .executeTakeFirstOrThrow()
    await tx
      .insertInto('lessons')
      .values(
        chapter.lessons.map((lesson) => ({
          course_id: id,
          chapter_id: row.id,
          position: position++,
          title: lesson.title,
          minutes: lesson.minutes,
          preview: lesson.preview,
          markdown: readFileSync(join(DEMO_FOLDER, lesson.file), 'utf8'),
          video: lesson.video ?? null,
        })),
      )
      .execute()
  }
}

function fenOf(price: string): Fen {
  const fen = parseYuan(price)
  if (fen === undefined) throw new Error(`"${price}" is no price`)
  return fen
}
