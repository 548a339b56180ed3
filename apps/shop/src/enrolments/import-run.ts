/** Works an import off, a few rows a step: each step is one transaction that also puts the next into the queue. */
import { sql } from 'kysely'
import { newPassword } from '../accounts/manage.ts'
import { addUser } from '../accounts/register.ts'
import type { Database, Transaction } from '../database/connect.ts'
import { enqueue } from '../jobs/enqueue.ts'
import type { Seal } from '../sealed.ts'
import { grantCourse } from './by-staff.ts'
import { IMPORT_STUDENTS, sealedFor } from './imports.ts'

const ROWS_A_STEP = 20
/** Longer than any step takes: an import that has not moved since then has lost its job. */
const LOST_AFTER_MS = 60_000

interface Running {
  readonly db: Database
  readonly seal: Seal
  readonly clock: () => Date
}

type Row = Awaited<ReturnType<typeof waitingRows>>[number]
type Password = Awaited<ReturnType<typeof newPassword>>

/** One step. A step that was made already, or of an import that ended, does nothing: so it may run twice, or at once. */
export async function stepImport(
  { db, seal, clock }: Running,
  { importId, step }: { importId: number; step: number },
): Promise<void> {
  const rows = await waitingRows(db, importId)
  // Hashing is slow on purpose: before the transaction, one by one, so that whoever logs in meanwhile has the other threads.
  const passwords = await passwordsFor(db, rows)
  const now = clock()
  await db.transaction().execute(async (tx) => {
    const isOver = rows.length < ROWS_A_STEP
    const taken = await tx
      .updateTable('imports')
      .set({ steps: step + 1, moved_at: now, ...(isOver && { status: 'done' as const, ended_at: now }) })
      .where('id', '=', importId)
      .where('status', '=', 'running')
      .where('steps', '=', step)
      .returning('id')
      .executeTakeFirst()
    if (!taken) return
    for (const row of rows) {
      const password = passwords.get(row.username.toLowerCase())
      const result = await importRow(tx, seal, { importId, row, password, now })
      await tx
        .updateTable('import_rows')
        .set(result)
        .where('import_id', '=', importId)
        .where('line', '=', row.line)
        .execute()
    }
    if (!isOver) await enqueue(tx, IMPORT_STUDENTS, { importId, step: step + 1 })
  })
}

const waitingRows = (db: Database, importId: number) =>
  db
    .selectFrom('import_rows')
    .innerJoin('imports', 'imports.id', 'import_rows.import_id')
    .select(['line', 'username', 'display_name', 'course_id'])
    .where('import_id', '=', importId)
    .where('state', '=', 'waiting')
    .where('imports.status', '=', 'running')
    .orderBy('line')
    .limit(ROWS_A_STEP)
    .execute()

/** For those who have no account yet, by their names in lower case. */
async function passwordsFor(db: Database, rows: readonly Row[]): Promise<Map<string, Password>> {
  const names = [...new Set(rows.map(({ username }) => username.toLowerCase()))]
  const users = await db
    .selectFrom('users')
    .select('username')
    .where(sql<boolean>`lower(username) = any(${names}::text[])`)
    .execute()
  const there = new Set(users.map(({ username }) => username.toLowerCase()))
  const made = new Map<string, Password>()
  for (const name of names) if (!there.has(name)) made.set(name, await newPassword())
  return made
}

interface Work {
  readonly importId: number
  readonly row: Row
  readonly password: Password | undefined
  readonly now: Date
}

/** The account where there is none, the course where it is not owned. */
async function importRow(tx: Transaction, seal: Seal, { importId, row, password, now }: Work) {
  const failed = (problem: string) => ({ state: 'failed' as const, problem })
  const { username, course_id: courseId } = row
  const there = await tx
    .selectFrom('users')
    .select(['id', 'role'])
    .where(sql<boolean>`lower(username) = lower(${username})`)
    .executeTakeFirst()
  if (there && there.role !== 'buyer') return failed('IS_STAFF')
  if (!there && !password) return failed('ACCOUNT_GONE')
  const made =
    there || !password
      ? undefined
      : await addUser(tx, { username, displayName: row.display_name, passwordDue: true }, password.hash)
  const userId = there?.id ?? made?.id
  if (userId === undefined) return failed('ACCOUNT_GONE')
  const granted = await grantCourse(tx, { userId, courseId, now, importId })
  return {
    state: 'done' as const,
    granted,
    account_made: made !== undefined,
    sealed_password: made && password ? seal.seal(sealedFor(importId), password.password) : null,
  }
}

/** Puts imports back into the queue whose job was lost with its process. @param at once: nobody else can be at work on them */
export async function resumeImports({ db, clock }: Omit<Running, 'seal'>, { atOnce = false } = {}): Promise<void> {
  const since = new Date(clock().getTime() - (atOnce ? 0 : LOST_AFTER_MS))
  const left = await db
    .selectFrom('imports')
    .select(['id', 'steps'])
    .where('status', '=', 'running')
    .where('moved_at', '<=', since)
    .execute()
  for (const { id, steps } of left) await enqueue(db, IMPORT_STUDENTS, { importId: id, step: steps })
}
