/**
 * The catalogue: lists, search, and one course with its chapters. Lists leave drafts out; `readCourse` returns one only
 * if asked to.
 */
import { type ExpressionBuilder, type QueryCreator, sql } from 'kysely'
import type { Static } from 'typebox'
import type { Reader } from '../db/connect.ts'
import type { Tables } from '../db/tables.generated.ts'
import { ShopError } from '../errors.ts'
import { cutPage, type Page, readCursor, writeCursor } from '../http/cursor.ts'
import { viewOf, writeMoment } from '../http/shapes.ts'
import { type Fen, formatYuan } from '../money.ts'
import { WRITTEN } from './lessons.ts'
import type { CourseDetailShape, CourseQuery, CourseSummaryShape } from './shapes.ts'

export type CourseSummary = Static<typeof CourseSummaryShape>
export type CourseDetail = Static<typeof CourseDetailShape>

/**
 * Sort keys of the lists. Each is one integer, so that a cursor consists of that integer and the id, and each is the
 * expression of an index (migration 0046), so that lists are read in index order.
 */
const SORT_KEYS = {
  newest: sql<number>`(-extract(epoch from courses.published_at at time zone 'UTC') * 1000)::bigint`,
  price: sql<number>`courses.price_fen`,
  '-price': sql<number>`-courses.price_fen`,
  popular: sql<number>`-courses.learners`,
}

/** Maximum number of courses that a filter examines for one page, which bounds the cost of an anonymous request. */
export const MAX_SCANNED = 1000
const MAX_WORDS = 8

function summaries(db: Pick<QueryCreator<Tables>, 'selectFrom'>) {
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

/**
 * One page of courses. If a filter matches few of many courses, a page may be short or empty; its cursor continues the
 * search.
 * @throws ShopError INVALID_INPUT for an invalid cursor
 */
export async function listCourses(db: Reader, query: Static<typeof CourseQuery>): Promise<Page<CourseSummary>> {
  const limit = query.limit ?? 24
  const words = (query.q ?? '').split(/\s+/).filter(Boolean).slice(0, MAX_WORDS)
  const after = readCursor(query.cursor, ['number', 'number'])
  const key = SORT_KEYS[query.sort ?? 'newest']
  const onSale = () => {
    const inOrder = db.selectFrom('courses').where('status', '=', 'published').orderBy(key).orderBy('id')
    return after ? inOrder.where(sql<boolean>`(${key}, courses.id) > (${after[0]}, ${after[1]})`) : inOrder
  }
  const looked = onSale()
    .select(['id as looked_id', key.as('sort_key')])
    .limit(sql.lit(MAX_SCANNED))
    .as('looked')
  let select = summaries(db).innerJoin(looked, 'looked_id', 'courses.id').select('sort_key')
  if (query.kind) select = select.where('courses.price_fen', query.kind === 'free' ? '=' : '>', 0 as Fen)
  if (query.category) select = select.where('courses.category_slug', '=', query.category)
  for (const word of words) select = select.where((where) => matches(where, word))
  const rows = await select
    .orderBy('sort_key')
    .orderBy('courses.id')
    .limit(limit + 1)
    .execute()
  const { page, next } = cutPage(rows, limit, (last) => [Number(last.sort_key), last.id])
  if (next !== null) return { items: page.map(toSummary), next }
  // The last course examined, and whether there are more after it.
  const [end, another] = await onSale()
    .select(['id', key.as('sort_key')])
    .limit(2)
    .offset(sql.lit(MAX_SCANNED - 1))
    .execute()
  return { items: page.map(toSummary), next: end && another ? writeCursor([Number(end.sort_key), end.id]) : null }
}

/** Matches words in the title, the promise, the teacher's name or the category; `%` and `_` are literal. */
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

/** Summaries of these courses, published or not, in no particular order; unknown ids are left out. */
export async function coursesById(db: Reader, ids: readonly number[]): Promise<Map<number, CourseSummary>> {
  if (ids.length === 0) return new Map()
  const rows = await summaries(db)
    .where('courses.id', 'in', [...ids])
    .execute()
  return new Map(rows.map((row) => [row.id, toSummary(row)]))
}

/** @param drafts whether to return a course that is not on sale @throws ShopError COURSE_NOT_FOUND */
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
  for (const { chapter_id: chapterId, chapter_title: title, video, ...lesson } of lessons) {
    const chapter = chapters.get(chapterId) ?? { id: chapterId, title, lessons: [] }
    chapters.set(chapterId, chapter)
    chapter.lessons.push({ ...lesson, hasVideo: video !== null })
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
  return rows.map(viewOf)
}

/** The address of the uploaded picture, or of the generated cover. */
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
