/** Categories and teachers of courses: create, edit, reorder. Either can be deleted only while no course uses it. */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { closed } from '../../http/shapes.ts'
import { VISIBLE_LINE } from '../../text/visible-line.ts'

const text = (most: number) => Type.String({ minLength: 1, maxLength: most, pattern: '\\S' })

export const CategoryFields = closed({ nameZh: text(40), nameEn: text(40) })
export const TeacherFields = closed({
  name: Type.String({ minLength: 1, maxLength: 60, pattern: VISIBLE_LINE }),
  title: text(80),
  bio: Type.String({ maxLength: 600 }),
})

const OWN = { slug: Type.String(), courses: Type.Integer({ description: 'How many courses have it' }) }
export const AdminCategoryShape = Type.Object({ ...OWN, ...CategoryFields.properties }, { $id: 'AdminCategory' })
export const AdminTeacherShape = Type.Object({ ...OWN, ...TeacherFields.properties }, { $id: 'AdminTeacher' })

export type ChoiceTable = 'categories' | 'teachers'

/** Colours of generated covers, from light to deep. New categories take the palettes in turn. */
const PALETTES = [
  ['#DCE5E4', '#6E9595', '#1F3A44'],
  ['#EFE4D2', '#C78B5A', '#4A2F27'],
  ['#E6E3DC', '#B59A5B', '#2B2E33'],
  ['#E3E6EE', '#7E8DB5', '#27304F'],
  ['#EDE0E2', '#B57E88', '#47252F'],
  ['#E4EADB', '#8DA26A', '#2F3F22'],
] as const

export const readCategories = (db: Reader) =>
  db
    .selectFrom('categories')
    .select(['slug', 'name_zh as nameZh', 'name_en as nameEn'])
    .select(coursesWith('category_slug', 'categories'))
    .orderBy('position')
    .orderBy('slug')
    .execute()

export const readTeachers = (db: Reader) =>
  db
    .selectFrom('teachers')
    .select(['slug', 'name', 'title', 'bio'])
    .select(coursesWith('teacher_slug', 'teachers'))
    .orderBy('position')
    .orderBy('slug')
    .execute()

const coursesWith = (column: 'category_slug' | 'teacher_slug', table: ChoiceTable) =>
  sql<number>`(select count(*) from courses where ${sql.ref(`courses.${column}`)} = ${sql.ref(`${table}.slug`)})`.as(
    'courses',
  )

/** @returns the slug */
export async function addCategory(tx: Transaction, { nameZh, nameEn }: Static<typeof CategoryFields>): Promise<string> {
  const position = await nextPosition(tx, 'categories')
  const slug = newSlug('category')
  const palette = [...(PALETTES[position % PALETTES.length] ?? PALETTES[0])]
  await tx
    .insertInto('categories')
    .values({ slug, position, name_zh: nameZh.trim(), name_en: nameEn.trim(), palette })
    .execute()
  return slug
}

/** @returns the slug */
export async function addTeacher(tx: Transaction, { name, title, bio }: Static<typeof TeacherFields>): Promise<string> {
  const position = await nextPosition(tx, 'teachers')
  const slug = newSlug('teacher')
  await tx
    .insertInto('teachers')
    .values({ slug, position, name: name.trim(), title: title.trim(), bio: bio.trim() })
    .execute()
  return slug
}

/** @returns the previous values @throws ShopError CHOICE_NOT_FOUND */
export async function editCategory(tx: Transaction, slug: string, { nameZh, nameEn }: Static<typeof CategoryFields>) {
  const before = await holdCategory(tx, slug)
  const now = { name_zh: nameZh.trim(), name_en: nameEn.trim() }
  await tx.updateTable('categories').set(now).where('slug', '=', slug).execute()
  return before
}

/** @returns the previous values @throws ShopError CHOICE_NOT_FOUND */
export async function editTeacher(tx: Transaction, slug: string, { name, title, bio }: Static<typeof TeacherFields>) {
  const before = await holdTeacher(tx, slug)
  const now = { name: name.trim(), title: title.trim(), bio: bio.trim() }
  await tx.updateTable('teachers').set(now).where('slug', '=', slug).execute()
  return before
}

/**
 * Saves a new order of all categories or all teachers.
 * @returns the previous order
 * @throws ShopError CHOICES_CHANGED if one was added or deleted meanwhile
 */
export async function orderChoices(tx: Transaction, table: ChoiceTable, slugs: readonly string[]): Promise<string[]> {
  const known = await tx.selectFrom(table).select(['slug', 'position']).orderBy('slug').forUpdate().execute()
  const wanted = new Set(slugs)
  if (wanted.size !== slugs.length || known.length !== slugs.length || known.some(({ slug }) => !wanted.has(slug))) {
    throw new ShopError('CHOICES_CHANGED')
  }
  await sql`update ${sql.table(table)} set position = wanted.position - 1
            from unnest(${[...slugs]}::text[]) with ordinality as wanted (slug, position)
            where ${sql.table(table)}.slug = wanted.slug`.execute(tx)
  return known.sort((left, right) => left.position - right.position).map(({ slug }) => slug)
}

/** @returns the previous values @throws ShopError CHOICE_NOT_FOUND; CHOICE_IN_USE while a course uses it */
export async function deleteChoice(tx: Transaction, table: ChoiceTable, slug: string) {
  // A transaction that is assigning it to a course holds a lock on the row. Wait for it, so that the course is seen
  // below.
  const before = table === 'categories' ? await holdCategory(tx, slug) : await holdTeacher(tx, slug)
  const column = table === 'categories' ? 'category_slug' : 'teacher_slug'
  const used = await tx.selectFrom('courses').select('id').where(column, '=', slug).limit(1).executeTakeFirst()
  if (used) throw new ShopError('CHOICE_IN_USE')
  await tx.deleteFrom(table).where('slug', '=', slug).execute()
  return before
}

const notFound = () => new ShopError('CHOICE_NOT_FOUND')

function holdCategory(tx: Transaction, slug: string) {
  const select = tx.selectFrom('categories').select(['name_zh as nameZh', 'name_en as nameEn']).where('slug', '=', slug)
  return select.forUpdate().executeTakeFirstOrThrow(notFound)
}

function holdTeacher(tx: Transaction, slug: string) {
  const select = tx.selectFrom('teachers').select(['name', 'title', 'bio']).where('slug', '=', slug)
  return select.forUpdate().executeTakeFirstOrThrow(notFound)
}

async function nextPosition(tx: Transaction, table: ChoiceTable): Promise<number> {
  const { last } = await tx
    .selectFrom(table)
    .select((of) => of.fn.max('position').as('last'))
    .executeTakeFirstOrThrow()
  return (last ?? -1) + 1
}

const newSlug = (kind: 'category' | 'teacher'): string => `${kind}-${randomBytes(6).toString('hex')}`
