/** Examines a file of students before anything is done: what is wrong with which row, and what would happen. Changes nothing. */
import { sql } from 'kysely'
import { USERNAME } from '../accounts/routes.ts'
import type { Reader } from '../database/connect.ts'
import { type FileRow, type Problem, readFile } from './import-file.ts'

const MOST_TOLD = 200
const NAME_LENGTH = 64
const isUsername = new RegExp(USERNAME, 'u')

export interface GoodRow {
  readonly line: number
  readonly username: string
  readonly displayName: string
  readonly courseId: number
}

export interface Examined {
  readonly rows: readonly GoodRow[]
  readonly rowCount: number
  readonly newAccounts: number
  readonly newGrants: number
  /** The first of them. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
}

export async function examine(db: Reader, bytes: Uint8Array): Promise<Examined> {
  const { rows, problem } = await readFile(bytes)
  const courses = await findCourses(db, rows)
  const accounts = await findAccounts(db, rows)
  const problems: Problem[] = problem ? [problem] : []
  const good: GoodRow[] = []
  for (const row of rows) {
    const found = courses(row.course)
    const wrong = problemsOf(row, found.length, accounts.get(row.username.toLowerCase())?.isStaff === true)
    problems.push(...wrong)
    const [courseId] = found
    if (wrong.length > 0 || courseId === undefined) continue
    good.push({ line: row.line, username: row.username, displayName: row.displayName || row.username, courseId })
  }
  const people = new Set(good.map(({ username }) => username.toLowerCase()))
  return {
    rows: good,
    rowCount: rows.length,
    newAccounts: [...people].filter((name) => !accounts.has(name)).length,
    newGrants: await countGrants(db, good, accounts),
    problems: problems.slice(0, MOST_TOLD),
    problemCount: problems.length,
  }
}

function problemsOf(row: FileRow, courses: number, isStaff: boolean): Problem[] {
  const problem = (column: Problem['column'], code: Problem['code'], value: string): Problem => ({
    ...{ line: row.line, column, code },
    value: value.slice(0, 100),
  })
  const found: Problem[] = []
  if (!isUsername.test(row.username)) found.push(problem('username', 'BAD_USERNAME', row.username))
  else if (isStaff) found.push(problem('username', 'IS_STAFF', row.username))
  if (row.displayName.length > NAME_LENGTH) found.push(problem('displayName', 'BAD_NAME', row.displayName))
  if (courses !== 1) found.push(problem('course', courses === 0 ? 'NO_COURSE' : 'MANY_COURSES', row.course))
  return found
}

/** Courses by number or by exact title; several where a title is not one course's alone. */
async function findCourses(db: Reader, rows: readonly FileRow[]): Promise<(named: string) => readonly number[]> {
  const named = [...new Set(rows.map(({ course }) => course))]
  const numbers = named.filter((name) => /^[1-9]\d{0,8}$/.test(name)).map(Number)
  const courses = await db
    .selectFrom('courses')
    .select(['id', 'title'])
    .where(sql<boolean>`(id = any(${numbers}::int[]) or title = any(${named}::text[]))`)
    .execute()
  const found = new Map<string, number[]>()
  for (const { id, title } of courses) found.set(title, [...(found.get(title) ?? []), id])
  // A number is a course's before it is anybody's title.
  for (const { id } of courses) if (numbers.includes(id)) found.set(String(id), [id])
  return (name) => found.get(name) ?? []
}

async function findAccounts(
  db: Reader,
  rows: readonly FileRow[],
): Promise<Map<string, { id: number; isStaff: boolean }>> {
  const names = [...new Set(rows.map(({ username }) => username.toLowerCase()))]
  const users = await db
    .selectFrom('users')
    .select(['id', 'username', 'role'])
    .where(sql<boolean>`lower(username) = any(${names}::text[])`)
    .execute()
  return new Map(users.map(({ id, username, role }) => [username.toLowerCase(), { id, isStaff: role !== 'buyer' }]))
}

/** How many would be granted: each course once a person, and none that they have. */
async function countGrants(
  db: Reader,
  rows: readonly GoodRow[],
  accounts: ReadonlyMap<string, { id: number }>,
): Promise<number> {
  const userIds = [...accounts.values()].map(({ id }) => id)
  const owned = await db
    .selectFrom('enrolments')
    .select(['user_id', 'course_id'])
    .where(sql<boolean>`user_id = any(${userIds}::bigint[])`)
    .where('revoked_at', 'is', null)
    .execute()
  const there = new Set(owned.map((row) => `${row.user_id} ${row.course_id}`))
  const wanted = new Set(
    rows.map(({ username, courseId }) => {
      const name = username.toLowerCase()
      return `${accounts.get(name)?.id ?? name} ${courseId}`
    }),
  )
  return [...wanted].filter((each) => !there.has(each)).length
}
