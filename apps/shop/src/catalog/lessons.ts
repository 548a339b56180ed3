/** One lesson with its neighbours, and whether it is open to all. Access of a buyer is checked elsewhere. */
import { sql } from 'kysely'
import type { Reader } from '../db/connect.ts'
import { ShopError } from '../errors.ts'

/** A lesson with the name of its video's file. */
export type StoredLesson = Awaited<ReturnType<typeof readLesson>>

/** The lesson has a text or a video; an empty lesson is visible to its authors only. */
export const WRITTEN = sql<boolean>`(lessons.markdown ~ '[^[:space:]]' or lessons.video is not null)`

/** @throws ShopError COURSE_NOT_FOUND, LESSON_NOT_FOUND */
export async function readLesson(db: Reader, courseId: number, lessonId: number) {
  const course = await db
    .selectFrom('courses')
    .select(['title', 'price_fen', 'status'])
    .where('id', '=', courseId)
    .executeTakeFirstOrThrow(() => new ShopError('COURSE_NOT_FOUND'))
  const order = await db
    .selectFrom('lessons')
    .select('id')
    .where('course_id', '=', courseId)
    .where(WRITTEN)
    .orderBy('position')
    .execute()
  const place = order.findIndex(({ id }) => id === lessonId)
  const row = await db
    .selectFrom('lessons')
    .select(['id', 'title', 'minutes', 'preview', 'markdown', 'video'])
    .where('id', '=', lessonId)
    .where('course_id', '=', courseId)
    .where(WRITTEN)
    .executeTakeFirstOrThrow(() => new ShopError('LESSON_NOT_FOUND'))
  return {
    ...row,
    courseId,
    courseTitle: course.title,
    previousId: order[place - 1]?.id ?? null,
    nextId: order[place + 1]?.id ?? null,
    published: course.status === 'published',
    /** A preview, or a lesson of a free course. */
    openToAll: course.status === 'published' && (row.preview || course.price_fen === 0),
  }
}
