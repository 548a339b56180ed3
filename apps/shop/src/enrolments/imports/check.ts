/**
 * Checks a file of students before it is imported: what is wrong with which row, and what the import would do. Changes
 * nothing.
 */
import { sql } from 'kysely'
import { findAccounts } from '../../auth/find-account.ts'
import type { Reader } from '../../db/connect.ts'
import { cutText } from '../../text/cut-text.ts'
import { foldName, nameProblem } from '../../text/login-name.ts'
import { isVisibleLine, NAME_LENGTH } from '../../text/visible-line.ts'
import { type FileRow, type Problem, readFile } from './file.ts'

const MAX_TOLD = 200

export interface GoodRow {
  readonly line: number
  readonly username: string
  readonly displayName: string
  readonly courseId: number
}

export interface CheckedFile {
  readonly rows: readonly GoodRow[]
  readonly rowCount: number
  readonly newAccounts: number
  readonly newGrants: number
  /** The first of the problems. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
}

export async function checkFile(db: Reader, bytes: Uint8Array): Promise<CheckedFile> {
  const { rows, problem } = await readFile(bytes)
  const courses = await findCourses(db, rows)
  const accounts = await findAccounts(
    db,
    rows.map(({ username }) => username),
  )
  const problems: Problem[] = problem ? [problem] : []
  const good: GoodRow[] = []
  for (const row of rows) {
    const found = courses(row.course)
    const wrong = problemsOf(row, found.length, accounts(row.username))
    problems.push(...wrong)
    const [courseId] = found
    if (wrong.length > 0 || courseId === undefined) continue
    good.push({ line: row.line, username: row.username, displayName: row.displayName || row.username, courseId })
  }
  const unknown = good.filter(({ username }) => !accounts(username)).map(({ username }) => foldName(username))
  return {
    rows: good,
    rowCount: rows.length,
    newAccounts: new Set(unknown).size,
    newGrants: await countGrants(db, good, accounts),
    problems: problems.slice(0, MAX_TOLD),
    problemCount: problems.length,
  }
}

function problemsOf(row: FileRow, courses: number, account: ReturnType<FindAccount>): Problem[] {
  const problem = (column: Problem['column'], code: Problem['code'], value: string): Problem => ({
    ...{ line: row.line, column, code },
    value: cutText(value, 100),
  })
  const found: Problem[] = []
  // An existing account keeps its name, even if it would not be accepted today.
  if (!account && nameProblem(row.username)) found.push(problem('username', 'BAD_USERNAME', row.username))
  else if (account?.isStaff) found.push(problem('username', 'IS_STAFF', row.username))
  const { displayName } = row
  if (displayName.length > NAME_LENGTH || (displayName && !isVisibleLine(displayName)))
    found.push(problem('displayName', 'BAD_NAME', displayName))
  if (courses !== 1) found.push(problem('course', courses === 0 ? 'NO_COURSE' : 'MANY_COURSES', row.course))
  return found
}

/** Finds courses by number or by exact title; several if courses share a title. */
async function findCourses(db: Reader, rows: readonly FileRow[]): Promise<(named: string) => readonly number[]> {
  const named = [...new Set(rows.map(({ course }) => course))]
  const numbers = named.filter((name) => /^[1-9]\d{0,8}$/.test(name)).map(Number)
  const courses = await db
    .selectFrom('courses')
    .select(['id', 'title'])
    .where(sql<boolean>`(id = any(${numbers}::int[]) or title = any(${named}::text[]))`)
    .execute()
  const found = new Map<string, number[]>()
  for (const { id, title } of courses) {
    const same = found.get(title)
    if (same) same.push(id)
    else found.set(title, [id])
  }
  // A number means a course's number, even if another course has it as its title.
  const byNumber = new Set(numbers)
  for (const { id } of courses) if (byNumber.has(id)) found.set(String(id), [id])
  return (name) => found.get(name) ?? []
}

type FindAccount = Awaited<ReturnType<typeof findAccounts>>

/** Counts the courses that would be granted: each once per person, and none that the person has already. */
async function countGrants(db: Reader, rows: readonly GoodRow[], accounts: FindAccount): Promise<number> {
  const userIds = rows.flatMap(({ username }) => accounts(username)?.id ?? [])
  const owned = await db
    .selectFrom('enrolments')
    .select(['user_id', 'course_id'])
    .where(sql<boolean>`user_id = any(${userIds}::bigint[])`)
    .where('revoked_at', 'is', null)
    .execute()
  const there = new Set(owned.map((row) => `${row.user_id} ${row.course_id}`))
  const wanted = new Set(
    rows.map(({ username, courseId }) => `${accounts(username)?.id ?? foldName(username)} ${courseId}`),
  )
  return [...wanted].filter((each) => !there.has(each)).length
}
