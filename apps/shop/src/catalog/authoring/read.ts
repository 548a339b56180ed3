/** Courses for their authors: the list including drafts, one course, one lesson, and what a draft still lacks. */
import { sql } from 'kysely'
import type { Static } from 'typebox'
import type { Reader } from '../../db/connect.ts'
import { type FieldError, type Language, ShopError } from '../../errors.ts'
import { cutPage, type Page, readCursor, writeCursor } from '../../http/cursor.ts'
import { viewOf, writeMomentOrNull } from '../../http/shapes.ts'
import { formatYuan } from '../../money.ts'
import { coverUrl } from '../courses.ts'
import { WRITTEN } from '../lessons.ts'
import type { AdminCourseRowShape, AdminCourseShape, AdminLessonShape, CourseSearch } from './shapes.ts'

export type AdminCourse = Static<typeof AdminCourseShape>
type AdminCourseRow = Static<typeof AdminCourseRowShape>

const PAGE = 50

/** Maximum number of courses that a filter examines for one page. */
const MAX_EXAMINED = 20_000

/**
 * A page of all courses, newest first. If a filter matches few of many courses, a page may be short; its cursor
 * continues the search.
 * @throws ShopError INVALID_INPUT for an invalid cursor
 */
export async function searchCourses(
  db: Reader,
  search: Static<typeof CourseSearch>,
  lookedThrough = MAX_EXAMINED,
): Promise<Page<AdminCourseRow>> {
  const before = readCursor(search.cursor, ['number'])
  const newestFirst = () => {
    const all = db.selectFrom('courses').orderBy('id', 'desc')
    return before ? all.where('id', '<', Number(before[0])) : all
  }
  let select = db
    .with('courses', () => newestFirst().selectAll().limit(sql.lit(lookedThrough)))
    .selectFrom('courses')
    .innerJoin('categories', 'categories.slug', 'courses.category_slug')
    .innerJoin('teachers', 'teachers.slug', 'courses.teacher_slug')
    .select(['courses.id', 'courses.title', 'courses.status', 'courses.category_slug', 'courses.lesson_count'])
    .select(['courses.price_fen', 'courses.original_price_fen', 'courses.cover', 'courses.published_at'])
    .select(['categories.name_zh', 'categories.name_en', 'teachers.name as teacher_name'])
  const words = search.q?.trim()
  if (words) {
    const pattern = `%${words.replace(/[\\%_]/g, '\\$&')}%`
    select = select.where((where) =>
      where.or([where('courses.title', 'ilike', pattern), where('teachers.name', 'ilike', pattern)]),
    )
  }
  if (search.status) select = select.where('courses.status', '=', search.status)
  if (search.category) select = select.where('courses.category_slug', '=', search.category)
  const rows = await select
    .orderBy('courses.id', 'desc')
    .limit(PAGE + 1)
    .execute()
  const { page, next } = cutPage(rows, PAGE, (row) => [row.id])
  const items = page.map((row) => ({
    id: row.id,
    title: row.title,
    status: row.status,
    category: { slug: row.category_slug, nameZh: row.name_zh, nameEn: row.name_en },
    teacher: row.teacher_name,
    lessonCount: row.lesson_count,
    price: formatYuan(row.price_fen),
    originalPrice: row.original_price_fen === null ? null : formatYuan(row.original_price_fen),
    coverUrl: coverUrl(row.id, row.cover),
    publishedAt: writeMomentOrNull(row.published_at),
  }))
  if (next !== null) return { items, next }
  // The last course examined, and whether there are more after it.
  const [end, another] = await newestFirst()
    .select('id')
    .limit(2)
    .offset(sql.lit(lookedThrough - 1))
    .execute()
  return { items, next: end && another ? writeCursor([end.id]) : null }
}

/** @throws ShopError COURSE_NOT_FOUND */
export async function readForAuthor(db: Reader, id: number, language: Language): Promise<AdminCourse> {
  const found = await db
    .selectFrom('courses')
    .select(['version', 'status', 'published_at', 'title', 'promise', 'outcomes', 'language', 'cover'])
    .select(['category_slug as category', 'teacher_slug as teacher', 'price_fen', 'original_price_fen'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => new ShopError('COURSE_NOT_FOUND'))
  const { price_fen, original_price_fen, ...row } = found
  const chapters = await db
    .selectFrom('chapters')
    .select(['id', 'title'])
    .where('course_id', '=', id)
    .orderBy('position')
    .execute()
  const lessons = await db
    .selectFrom('lessons')
    .select(['id', 'chapter_id', 'title', 'minutes', 'preview', 'video'])
    .select(WRITTEN.as('written'))
    .where('course_id', '=', id)
    .orderBy('position')
    .execute()
  const { owners } = await db
    .selectFrom('enrolments')
    .select((column) => column.fn.countAll<number>().as('owners'))
    .where('course_id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  return {
    id,
    ...viewOf(row),
    price: formatYuan(price_fen),
    originalPrice: original_price_fen === null ? null : formatYuan(original_price_fen),
    coverUrl: coverUrl(id, row.cover),
    owners: Number(owners),
    deletable: !(await inUse(db, id)),
    missing: lacking({ promise: row.promise, lessons: lessons.filter(({ written }) => written).length }, language),
    chapters: chapters.map((chapter) => ({
      id: chapter.id,
      title: chapter.title,
      lessons: lessons
        .filter((lesson) => lesson.chapter_id === chapter.id)
        .map(({ chapter_id: _, video, ...lesson }) => ({ ...lesson, hasVideo: video !== null })),
    })),
  }
}

/** Whether the course was ever ordered or owned. */
export async function inUse(db: Reader, courseId: number): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select from order_lines where course_id = ${courseId})
        or exists (select from enrolments where course_id = ${courseId}) as used`.execute(db)
  return rows[0]?.used !== false
}

/** The fields that a buyer would miss, in the author's language; empty for a course that can be sold. */
export function lacking(draft: { promise: string; lessons: number }, language: Language): FieldError[] {
  const say = (chinese: string, english: string) => (language === 'en' ? english : chinese)
  return [
    ...(draft.promise.trim() === '' ? [{ field: 'promise', message: say('请填写简介', 'Write a summary') }] : []),
    ...(draft.lessons === 0
      ? [{ field: 'chapters', message: say('至少需要一节有内容的课', 'Write at least one lesson') }]
      : []),
  ]
}

/** @throws ShopError LESSON_NOT_FOUND */
export async function readLessonForAuthor(db: Reader, id: number): Promise<Static<typeof AdminLessonShape>> {
  const row = await db
    .selectFrom('lessons')
    .innerJoin('courses', 'courses.id', 'lessons.course_id')
    .innerJoin('chapters', 'chapters.id', 'lessons.chapter_id')
    .select(['lessons.id', 'lessons.course_id', 'lessons.version', 'lessons.title', 'lessons.minutes'])
    .select(['lessons.preview', 'lessons.markdown', 'lessons.video'])
    .select(['courses.title as courseTitle', 'chapters.title as chapterTitle'])
    .where('lessons.id', '=', id)
    .executeTakeFirstOrThrow(() => new ShopError('LESSON_NOT_FOUND'))
  return viewOf(row)
}
