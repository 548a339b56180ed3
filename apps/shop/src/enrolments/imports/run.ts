/** Runs an import, a few rows per step: each step is one transaction that also queues the next. */
import { newPassword, oneTimeUntil } from '../../accounts/manage.ts'
import { addUser } from '../../accounts/register.ts'
import { findAccounts } from '../../auth/find-account.ts'
import type { Database, Transaction } from '../../db/connect.ts'
import type { Encryption } from '../../encryption.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { foldName } from '../../text/login-name.ts'
import { grantCourse } from '../by-staff.ts'
import { IMPORT_STUDENTS, sealedFor } from './imports.ts'

const ROWS_A_STEP = 20
/** Longer than any step takes: an import without progress for this long has lost its job. */
const LOST_AFTER_MS = 60_000

interface Running {
  readonly db: Database
  readonly encryption: Encryption
  readonly clock: () => Date
}

type Row = Awaited<ReturnType<typeof waitingRows>>[number]
type Password = Awaited<ReturnType<typeof newPassword>>

/**
 * Runs one step. It does nothing if the step was done already or the import has ended, so it may run twice or
 * concurrently.
 */
export async function stepImport(
  { db, encryption, clock }: Running,
  { importId, step }: { importId: number; step: number },
): Promise<void> {
  const rows = await waitingRows(db, importId)
  // Hashing is deliberately slow, so it is done before the transaction; several imports take turns.
  const passwords = await passwordsFor(db, importId, rows)
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
    // guard: enrolments-in-one-order
    const inOrder = rows.toSorted(byNameAndCourse)
    for (const row of inOrder) {
      const password = passwords.get(foldName(row.username))
      const result = await importRow(tx, encryption, { importId, row, password, now })
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

/** Settling takes a user's enrolments by ascending course too, and two imports may name the same users. */
function byNameAndCourse(left: Row, right: Row): number {
  const [one, other] = [foldName(left.username), foldName(right.username)]
  if (one !== other) return one < other ? -1 : 1
  return left.course_id - right.course_id
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

/** One-time passwords for the users without an account, by folded name. */
async function passwordsFor(db: Database, importId: number, rows: readonly Row[]): Promise<Map<string, Password>> {
  const accounts = await findAccounts(
    db,
    rows.map(({ username }) => username),
  )
  const made = new Map<string, Password>()
  for (const { username } of rows) {
    const name = foldName(username)
    if (accounts(username) || made.has(name)) continue
    made.set(name, await newPassword({ kind: 'import', from: String(importId) }))
  }
  return made
}

interface Work {
  readonly importId: number
  readonly row: Row
  readonly password: Password | undefined
  readonly now: Date
}

/** Creates the account if there is none, and grants the course if it is not owned. */
async function importRow(tx: Transaction, encryption: Encryption, { importId, row, password, now }: Work) {
  const failed = (problem: string) => ({ state: 'failed' as const, problem })
  const { username, course_id: courseId } = row
  const there = (await findAccounts(tx, [username]))(username)
  if (there?.isStaff) return failed('IS_STAFF')
  if (!there && !password) return failed('ACCOUNT_GONE')
  const made =
    there || !password
      ? undefined
      : await addUser(tx, { username, displayName: row.display_name, oneTimeUntil: oneTimeUntil(now) }, password.hash)
  const userId = there?.id ?? made?.id
  if (userId === undefined) return failed('ACCOUNT_GONE')
  const granted = await grantCourse(tx, { userId, courseId, now, importId })
  return {
    state: 'done' as const,
    granted,
    account_made: made !== undefined,
    sealed_password: made && password ? encryption.encrypt(sealedFor(importId), password.password) : null,
  }
}

/**
 * Queues imports whose job was lost with its process.
 * @param atOnce skips the waiting time, when no other process can be working on them
 */
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
