/** Writes courses: create, edit, publish, unpublish, delete. Conflicting edits are refused, never merged. */
import { randomBytes } from 'node:crypto'
import type { Static } from 'typebox'
import type { Transaction } from '../../db/connect.ts'
import { type Language, ShopError } from '../../errors.ts'
import { type Fen, parseYuan } from '../../money.ts'
import { WRITTEN } from '../lessons.ts'
import { inUse, lacking } from './read.ts'
import type { CourseEdit, CourseFields } from './shapes.ts'

type Fields = Static<typeof CourseFields>

/** Creates a draft. @returns its id @throws ShopError INVALID_INPUT */
export async function createCourse(tx: Transaction, fields: Fields, language: Language): Promise<number> {
  const row = await tx
    .insertInto('courses')
    .values({
      ...(await columnsOf(tx, fields, language)),
      slug: `course-${randomBytes(6).toString('hex')}`,
      status: 'draft',
      published_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/**
 * Changes the course for future orders; existing orders keep the titles and prices they were placed with.
 * @returns the previous values
 * @throws ShopError COURSE_NOT_FOUND, COURSE_CHANGED, INVALID_INPUT, COURSE_INCOMPLETE
 */
export async function editCourse(
  tx: Transaction,
  id: number,
  { version, ...fields }: Static<typeof CourseEdit>,
  language: Language,
) {
  const before = await holdCourse(tx, id, version)
  await tx
    .updateTable('courses')
    .set(await columnsOf(tx, fields, language))
    .where('id', '=', id)
    .execute()
  await staysComplete(tx, id, language)
  return before
}

/** @returns the previous values @throws ShopError COURSE_NOT_FOUND, COURSE_CHANGED, COURSE_INCOMPLETE */
export async function publishCourse(tx: Transaction, id: number, version: number, now: Date, language: Language) {
  const before = await holdCourse(tx, id, version)
  await tx
    .updateTable('courses')
    .set({ status: 'published', published_at: before.published_at ?? now })
    .where('id', '=', id)
    .execute()
  await staysComplete(tx, id, language)
  return before
}

/**
 * Takes a course off sale: it is no longer listed and cannot be ordered. Its owners keep their access.
 * @returns the previous values
 * @throws ShopError COURSE_NOT_FOUND, COURSE_CHANGED
 */
export async function unpublishCourse(tx: Transaction, id: number, version: number) {
  const before = await holdCourse(tx, id, version)
  await tx.updateTable('courses').set({ status: 'draft' }).where('id', '=', id).execute()
  return before
}

/** @throws ShopError COURSE_NOT_FOUND, COURSE_CHANGED, COURSE_IN_USE */
export async function deleteCourse(tx: Transaction, id: number, version: number) {
  // The row is locked: a concurrent order or grant either commits first or no longer finds the course.
  const before = await holdCourse(tx, id, version)
  if (await inUse(tx, id)) throw new ShopError('COURSE_IN_USE')
  await tx.deleteFrom('courses').where('id', '=', id).execute()
  return before
}

/**
 * Locks the course's row until the transaction ends, and increments its version.
 * @param version the version that the author edited; omit it to skip the check
 * @returns the previous values
 * @throws ShopError COURSE_NOT_FOUND, COURSE_CHANGED
 */
export async function holdCourse(tx: Transaction, id: number, version?: number) {
  const before = await tx.selectFrom('courses').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (!before) throw new ShopError('COURSE_NOT_FOUND')
  if (version !== undefined && before.version !== version) throw new ShopError('COURSE_CHANGED')
  await tx
    .updateTable('courses')
    .set({ version: before.version + 1 })
    .where('id', '=', id)
    .execute()
  return before
}

/**
 * Checks that a published course still has everything a buyer needs. @throws ShopError COURSE_INCOMPLETE with what is
 * missing
 */
export async function staysComplete(tx: Transaction, id: number, language: Language): Promise<void> {
  const course = await tx
    .selectFrom('courses')
    .select(['promise', 'status'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (course.status === 'draft') return
  const { lessons } = await tx
    .selectFrom('lessons')
    .select((column) => column.fn.countAll<number>().as('lessons'))
    .where('course_id', '=', id)
    .where(WRITTEN)
    .executeTakeFirstOrThrow()
  const errors = lacking({ promise: course.promise, lessons: Number(lessons) }, language)
  if (errors.length > 0) throw new ShopError('COURSE_INCOMPLETE', { errors })
}

/** @throws ShopError INVALID_INPUT with the field's name */
async function columnsOf(tx: Transaction, fields: Fields, language: Language) {
  const refuse = (field: string, chinese: string, english: string) =>
    new ShopError('INVALID_INPUT', { errors: [{ field, message: language === 'en' ? english : chinese }] })
  const price = fenOf(fields.price)
  const original = fields.originalPrice === null ? null : fenOf(fields.originalPrice)
  if (original !== null && original <= price) {
    throw refuse('originalPrice', '原价须高于售价', 'must be higher than the price')
  }
  const { category, teacher, cover } = fields
  // Locked until the course refers to them, so that neither is deleted meanwhile.
  const choice = (table: 'categories' | 'teachers', slug: string) =>
    tx.selectFrom(table).select('slug').where('slug', '=', slug).forKeyShare().executeTakeFirst()
  if (!(await choice('categories', category))) throw refuse('category', '没有这个分类', 'Category not found')
  if (!(await choice('teachers', teacher))) throw refuse('teacher', '没有这位老师', 'Teacher not found')
  if (cover !== null) {
    const file = await tx
      .selectFrom('uploads')
      .select('name')
      .where('name', '=', cover)
      .forKeyShare()
      .executeTakeFirst()
    if (!file || /\.(mp4|webm)$/.test(cover)) throw refuse('cover', '没有这张图片', 'Picture not found')
  }
  return {
    title: fields.title.trim(),
    promise: fields.promise.trim(),
    outcomes: fields.outcomes.map((outcome) => outcome.trim()),
    language: fields.language,
    category_slug: category,
    teacher_slug: teacher,
    price_fen: price,
    original_price_fen: original,
    cover,
  }
}

function fenOf(price: string): Fen {
  const fen = parseYuan(price)
  if (fen === undefined) throw new ShopError('INVALID_INPUT')
  return fen
}
