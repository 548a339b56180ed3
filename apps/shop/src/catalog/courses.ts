/** What is sold: lists, search and one course with its chapters. Drafts are told only to who asks for them by name. */
import { type ExpressionBuilder, sql } from 'kysely'
import type { Static } from 'typebox'
import type { Reader } from '../database/connect.ts'
import type { Tables } from '../database/tables.ts'
import { ShopError } from '../errors.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { writeMoment } from '../http/shapes.ts'
import { type Fen, formatYuan } from '../money.ts'
import { WRITTEN } from './lessons.ts'
import type { CourseDetailShape, CourseSummaryShape } from './shapes.ts'

export type CourseSummary = Static<typeof CourseSummaryShape>
export type CourseDetail = Static<typeof CourseDetailShape>
export type CourseOrder = 'newest' | 'price' | '-price' | 'popular'

export interface CourseQuery {
  readonly kind?: 'free' | 'paid' | undefined
  readonly category?: string | undefined
  readonly q?: string | undefined
  readonly sort?: CourseOrder | undefined
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

/** What a list sorts by, as one whole number, so that its cursor is that number and the id. */
const SORT_KEYS = {
  newest: sql<number>`(-extract(epoch from courses.published_at) * 1000)::bigint`,
  price: sql<number>`courses.price_fen`,
  '-price': sql<number>`-courses.price_fen`,
  popular: sql<number>`-(select count(*) from enrolments where enrolments.course_id = courses.id)`,
}

function summaries(db: Reader) {
  return db
    .selectFrom('courses')
    .innerJoin('categories', 'categories.slug', 'courses.category_slug')
    .innerJoin('teachers', 'teachers.slug', 'courses.teacher_slug')
    .select([
      'courses.id',
      'courses.slug',
      'courses.title',
      'courses.promise',
      'courses.language',
      'courses.category_slug',
      'courses.lesson_count',
      'courses.minutes',
      'courses.price_fen',
      'courses.original_price_fen',
      'courses.published_at',
      'courses.status',
      'courses.cover',
      'categories.name_zh',
      'categories.name_en',
      'teachers.name as teacher_name',
      'teachers.title as teacher_title',
    ])
}

type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaries>['executeTakeFirstOrThrow']>>

/** One page of courses. @throws ShopError INVALID_INPUT for a cursor that is not ours. */
export async function listCourses(
  db: Reader,
  query: CourseQuery,
): Promise<{ items: CourseSummary[]; next: string | null }> {
  const limit = query.limit ?? 24
  const after = readCursor(query.cursor, ['number', 'number'])
  const key = SORT_KEYS[query.sort ?? 'newest']
  let select = summaries(db).where('courses.status', '=', 'published').select(key.as('sort_key'))
  if (query.kind) select = select.where('courses.price_fen', query.kind === 'free' ? '=' : '>', 0 as Fen)
  if (query.category) select = select.where('courses.category_slug', '=', query.category)
  for (const word of (query.q ?? '').split(/\s+/).filter(Boolean).slice(0, 8)) {
    select = select.where((where) => matches(where, word))
  }
  if (after) select = select.where(sql<boolean>`(${key}, courses.id) > (${after[0]}, ${after[1]})`)
  const rows = await select
    .orderBy('sort_key')
    .orderBy('courses.id')
    .limit(limit + 1)
    .execute()
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.map(toSummary),
    next: rows.length > limit && last ? writeCursor([Number(last.sort_key), last.id]) : null,
  }
}

/** A word is found in the title, the promise, the teacher's name or the category; `%` and `_` mean themselves. */
function matches(
  where: ExpressionBuilder<Tables & { courses: Tables['courses'] }, 'courses' | 'categories' | 'teachers'>,
  word: string,
) {
  const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`
  return where.or([
    where('courses.title', 'ilike', pattern),
    where('courses.promise', 'ilike', pattern),
    where('teachers.name', 'ilike', pattern),
    where('categories.name_zh', 'ilike', pattern),
    where('categories.name_en', 'ilike', pattern),
  ])
}

/** Summaries of these courses, on sale or not, in any order; unknown ones are left out. */
export async function coursesById(db: Reader, ids: readonly number[]): Promise<Map<number, CourseSummary>> {
  if (ids.length === 0) return new Map()
  const rows = await summaries(db)
    .where('courses.id', 'in', [...ids])
    .execute()
  return new Map(rows.map((row) => [row.id, toSummary(row)]))
}

/** @param drafts whether a course that is not on sale is told as well @throws ShopError COURSE_NOT_FOUND */
export async function readCourse(db: Reader, id: number, drafts = false): Promise<CourseDetail> {
  const row = await summaries(db)
    .select(['courses.outcomes', 'teachers.bio'])
    .where('courses.id', '=', id)
    .executeTakeFirst()
  if (!row || (row.status === 'draft' && !drafts)) throw new ShopError('COURSE_NOT_FOUND')
  const lessons = await db
    .selectFrom('lessons')
    .innerJoin('chapters', 'chapters.id', 'lessons.chapter_id')
    .where('lessons.course_id', '=', id)
    .where(WRITTEN)
    .select(['lessons.id', 'lessons.title', 'lessons.minutes', 'lessons.preview', 'lessons.video'])
    .select(['chapters.id as chapter_id', 'chapters.title as chapter_title'])
    .orderBy('lessons.position')
    .execute()
  const chapters = new Map<number, CourseDetail['chapters'][number]>()
  for (const lesson of lessons) {
    const chapter = chapters.get(lesson.chapter_id) ?? {
      id: lesson.chapter_id,
      title: lesson.chapter_title,
      lessons: [],
    }
    chapters.set(lesson.chapter_id, chapter)
    chapter.lessons.push({
      id: lesson.id,
      title: lesson.title,
      minutes: lesson.minutes,
      preview: lesson.preview,
      hasVideo: lesson.video !== null,
    })
  }
  const base = toSummary(row)
  return {
    ...base,
    status: row.status,
    teacher: { ...base.teacher, bio: row.bio },
    outcomes: row.outcomes,
    chapters: [...chapters.values()],
  }
}

export async function listCategories(db: Reader) {
  const rows = await db
    .selectFrom('categories')
    .leftJoin('courses', (join) =>
      join.onRef('courses.category_slug', '=', 'categories.slug').on('courses.status', '=', 'published'),
    )
    .groupBy('categories.slug')
    .orderBy('categories.position')
    .select(['categories.slug', 'categories.name_zh', 'categories.name_en', 'categories.palette'])
    .select((column) => column.fn.count<number>('courses.id').as('course_count'))
    .execute()
  return rows.map((row) => ({
    slug: row.slug,
    nameZh: row.name_zh,
    nameEn: row.name_en,
    palette: row.palette,
    courseCount: Number(row.course_count),
  }))
}

/** An uploaded picture, or the one that the shop draws. */
export const coverUrl = (courseId: number, cover: string | null): string =>
  cover === null ? `/covers/${courseId}.svg` : `/uploads/${cover}`

function toSummary(row: SummaryRow): CourseSummary {
  return {
    id: row.id,
    slug: row.slug,
    title: row.title,
    promise: row.promise,
    language: row.language,
    category: { slug: row.category_slug, nameZh: row.name_zh, nameEn: row.name_en },
    teacher: { name: row.teacher_name, title: row.teacher_title },
    lessonCount: row.lesson_count,
    minutes: row.minutes,
    price: formatYuan(row.price_fen),
    originalPrice: row.original_price_fen === null ? null : formatYuan(row.original_price_fen),
    free: row.price_fen === 0,
    coverUrl: coverUrl(row.id, row.cover),
    publishedAt: writeMoment(row.published_at ?? new Date(0)),
  }
}
