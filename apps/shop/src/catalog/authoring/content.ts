/** Writes the content of a course: its chapters and lessons, their texts and their order. */
import { sql } from 'kysely'
import type { Static } from 'typebox'
import type { Transaction } from '../../db/connect.ts'
import { type Language, ShopError } from '../../errors.ts'
import { WRITTEN } from '../lessons.ts'
import { holdCourse, staysComplete } from './courses.ts'
import type { CourseOrder, LessonEdit } from './shapes.ts'

/** Duration of a new lesson until its author sets one. */
const USUAL_MINUTES = 10

/** Adds a chapter at the end. @returns its id @throws ShopError COURSE_NOT_FOUND */
export async function addChapter(tx: Transaction, courseId: number, title: string): Promise<number> {
  await holdCourse(tx, courseId)
  const row = await tx
    .insertInto('chapters')
    .values({
      course_id: courseId,
      title: title.trim(),
      position: sql<number>`(select coalesce(max(position) + 1, 0) from chapters where course_id = ${courseId})`,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** @returns the previous values @throws ShopError CHAPTER_NOT_FOUND, COURSE_CHANGED */
export async function renameChapter(tx: Transaction, id: number, title: string, version: number): Promise<Named> {
  const { courseId } = await chapterOf(tx, id)
  await holdCourse(tx, courseId, version)
  const before = await chapterOf(tx, id)
  await tx.updateTable('chapters').set({ title: title.trim() }).where('id', '=', id).execute()
  return before
}

/**
 * Deletes a chapter with its lessons. @returns what was deleted @throws ShopError CHAPTER_NOT_FOUND, COURSE_CHANGED,
 * COURSE_INCOMPLETE
 */
export async function deleteChapter(
  tx: Transaction,
  id: number,
  version: number,
  language: Language,
): Promise<Named & { lessons: { id: number; title: string }[] }> {
  const { courseId } = await chapterOf(tx, id)
  await holdCourse(tx, courseId, version)
  const before = await chapterOf(tx, id)
  const lessons = await tx
    .selectFrom('lessons')
    .select(['id', 'title'])
    .where('chapter_id', '=', id)
    .orderBy('position')
    .execute()
  await tx.deleteFrom('chapters').where('id', '=', id).execute()
  await settleContent(tx, courseId, language)
  return { ...before, lessons }
}

/**
 * Adds an empty lesson at the end of its chapter; buyers see it once it has content. @throws ShopError
 * CHAPTER_NOT_FOUND
 */
export async function addLesson(
  tx: Transaction,
  chapterId: number,
  title: string,
): Promise<{ id: number; courseId: number }> {
  const { courseId } = await chapterOf(tx, chapterId)
  await holdCourse(tx, courseId)
  const row = await tx
    .insertInto('lessons')
    .values({
      course_id: courseId,
      chapter_id: chapterId,
      title: title.trim(),
      minutes: USUAL_MINUTES,
      markdown: '',
      video: null,
      position: sql<number>`(select coalesce(max(position) + 1, 0) from lessons where course_id = ${courseId})`,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await renumber(tx, courseId)
  return { id: row.id, courseId }
}

/**
 * @returns the previous values
 * @throws ShopError LESSON_NOT_FOUND, COURSE_CHANGED, COURSE_INCOMPLETE, INVALID_INPUT
 */
export async function editLesson(
  tx: Transaction,
  id: number,
  { version, ...fields }: Static<typeof LessonEdit>,
  language: Language,
): Promise<Lesson> {
  const { course_id: courseId } = await lessonOf(tx, id)
  // Lock the course first, as every other operation does: two edits can then not deadlock.
  await tx.selectFrom('courses').select('id').where('id', '=', courseId).forUpdate().execute()
  const before = await lessonOf(tx, id)
  await requireVideo(tx, fields.video, before.video, language)
  await holdPictures(tx, fields.markdown, before.markdown, language)
  await tx
    .updateTable('lessons')
    .set({ ...fields, title: fields.title.trim(), version: version + 1 })
    .where('id', '=', id)
    .where('version', '=', version)
    .returning('id')
    .executeTakeFirstOrThrow(() => new ShopError('COURSE_CHANGED'))
  await settleContent(tx, courseId, language)
  return before
}

/** @returns what was deleted @throws ShopError LESSON_NOT_FOUND, COURSE_CHANGED, COURSE_INCOMPLETE */
export async function deleteLesson(tx: Transaction, id: number, version: number, language: Language): Promise<Lesson> {
  const { course_id: courseId } = await lessonOf(tx, id)
  await holdCourse(tx, courseId, version)
  const before = await lessonOf(tx, id)
  await tx.deleteFrom('lessons').where('id', '=', id).execute()
  await settleContent(tx, courseId, language)
  return before
}

/**
 * Saves the whole order at once. An order with a missing or an unknown chapter or lesson comes from an outdated page.
 * @returns the previous order
 * @throws ShopError COURSE_NOT_FOUND, COURSE_CHANGED
 */
export async function orderContent(
  tx: Transaction,
  courseId: number,
  { version, chapters }: Static<typeof CourseOrder>,
): Promise<Static<typeof CourseOrder>['chapters']> {
  await holdCourse(tx, courseId, version)
  const wanted = chapters.flatMap(({ id, lessons }) => lessons.map((lesson) => ({ lesson, chapter: id })))
  const chapterIds = chapters.map(({ id }) => id)
  const lessonIds = wanted.map(({ lesson }) => lesson)
  const known = await tx
    .selectFrom('chapters')
    .select('id')
    .where('course_id', '=', courseId)
    .orderBy('position')
    .orderBy('id')
    .execute()
  const lessons = await tx
    .selectFrom('lessons')
    .select(['id', 'chapter_id'])
    .where('course_id', '=', courseId)
    .orderBy('position')
    .orderBy('id')
    .execute()
  if (!sameSet(known, chapterIds) || !sameSet(lessons, lessonIds)) throw new ShopError('COURSE_CHANGED')
  await sql`update chapters set position = wanted.position
            from unnest(${chapterIds}::int[]) with ordinality as wanted (id, position)
            where chapters.id = wanted.id`.execute(tx)
  await sql`update lessons set position = wanted.position, chapter_id = wanted.chapter_id
            from unnest(${lessonIds}::int[], ${wanted.map(({ chapter }) => chapter)}::int[])
              with ordinality as wanted (id, chapter_id, position)
            where lessons.id = wanted.id`.execute(tx)
  return known.map(({ id }) => ({
    id,
    lessons: lessons.filter((lesson) => lesson.chapter_id === id).map((lesson) => lesson.id),
  }))
}

function sameSet(rows: readonly { id: number }[], ids: readonly number[]): boolean {
  const known = new Set(rows.map(({ id }) => id))
  return ids.length === known.size && new Set(ids).size === ids.length && ids.every((id) => known.has(id))
}

/**
 * After a change of lessons: renumbers them by chapter, updates the course's count, and checks that a published course
 * is still complete.
 */
async function settleContent(tx: Transaction, courseId: number, language: Language): Promise<void> {
  await renumber(tx, courseId)
  await staysComplete(tx, courseId, language)
}

async function renumber(tx: Transaction, courseId: number): Promise<void> {
  await sql`update lessons set position = wanted.position
            from (select lessons.id, row_number() over (order by chapters.position, lessons.position) as position
                  from lessons join chapters on chapters.id = lessons.chapter_id
                  where lessons.course_id = ${courseId}) wanted
            where lessons.id = wanted.id`.execute(tx)
  await sql`update courses set (lesson_count, minutes) =
              (select count(*), coalesce(sum(minutes), 0) from lessons where course_id = ${courseId} and ${WRITTEN})
            where id = ${courseId}`.execute(tx)
}

type Named = Awaited<ReturnType<typeof chapterOf>>

function chapterOf(tx: Transaction, id: number) {
  const select = tx.selectFrom('chapters').select(['course_id as courseId', 'title']).where('id', '=', id)
  return select.executeTakeFirstOrThrow(() => new ShopError('CHAPTER_NOT_FOUND'))
}

type Lesson = Awaited<ReturnType<typeof lessonOf>>

async function lessonOf(tx: Transaction, id: number) {
  return tx
    .selectFrom('lessons')
    .select(['course_id', 'title', 'minutes', 'preview', 'video', 'markdown'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => new ShopError('LESSON_NOT_FOUND'))
}

const PICTURES = /\/uploads\/([0-9a-f]{64}\.(?:png|jpg|gif|webp))/g
const picturesIn = (markdown: string) => new Set([...markdown.matchAll(PICTURES)].map(([, name = '']) => name))

/**
 * Locks the pictures that a text refers to until the commit, so that none is removed meanwhile. @throws ShopError
 * INVALID_INPUT
 */
async function holdPictures(tx: Transaction, markdown: string, before: string, language: Language): Promise<void> {
  const names = [...picturesIn(markdown)].sort()
  if (names.length === 0) return
  const rows = await tx
    .selectFrom('uploads')
    .select('name')
    .where('name', 'in', names)
    .orderBy('name')
    .forKeyShare()
    .execute()
  const there = new Set(rows.map(({ name }) => name))
  const known = picturesIn(before)
  const lost = names.find((name) => !there.has(name) && !known.has(name))
  if (lost === undefined) return
  const message = language === 'en' ? `Picture not found: ${lost.slice(0, 8)}…` : `没有图片 ${lost.slice(0, 8)}…`
  throw new ShopError('INVALID_INPUT', { errors: [{ field: 'markdown', message }] })
}

/** Accepts a video that was uploaded, or the lesson's current one. @throws ShopError INVALID_INPUT */
async function requireVideo(tx: Transaction, video: string | null, before: string | null, language: Language) {
  if (video === null || video === before) return
  const file = await tx.selectFrom('uploads').select('name').where('name', '=', video).forKeyShare().executeTakeFirst()
  if (file && /\.(mp4|webm)$/.test(video)) return
  const message = language === 'en' ? 'Video not found' : '没有这个视频'
  throw new ShopError('INVALID_INPUT', { errors: [{ field: 'video', message }] })
}
