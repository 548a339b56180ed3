/**
 * Stored imports of students: created from a checked file, started, cancelled, read. The only writer of `imports`
 * besides the job.
 */
import { type Static, Type } from 'typebox'
import { renewOneTime } from '../../accounts/manage.ts'
import type { Reader, Transaction } from '../../db/connect.ts'
import type { Encryption } from '../../encryption.ts'
import { ShopError } from '../../errors.ts'
import { Moment, writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import type { CheckedFile } from './check.ts'

export const IMPORT_STUDENTS = 'import-students'
export const ImportTask = Type.Object({ importId: Type.Integer(), step: Type.Integer() })

const ROWS_A_STATEMENT = 2000
const LISTED = 50

/** The purpose for which a row's password is encrypted. */
export const sealedFor = (importId: number): string => `import ${importId}`

export const ImportShape = Type.Object(
  {
    id: Type.Integer(),
    fileName: Type.String(),
    uploadedBy: Type.String(),
    uploadedAt: Moment,
    status: Type.Enum(['checked', 'running', 'done', 'cancelled']),
    problems: Type.Array(
      Type.Object({
        line: Type.Integer(),
        column: Type.Enum(['file', 'username', 'displayName', 'course']),
        code: Type.String(),
        value: Type.String({ description: 'The value in the file' }),
      }),
      { description: 'The first 200; an import with problems cannot be started' },
    ),
    problemCount: Type.Integer(),
    rows: Type.Integer(),
    wouldMake: Type.Object({ accounts: Type.Integer(), grants: Type.Integer(), alreadyThere: Type.Integer() }),
    done: Type.Object({
      rows: Type.Integer(),
      accounts: Type.Integer(),
      grants: Type.Integer(),
      failed: Type.Integer(),
    }),
    startedAt: Type.Union([Moment, Type.Null()]),
    endedAt: Type.Union([Moment, Type.Null()]),
    passwords: Type.Enum(['none', 'waiting', 'taken'], { description: 'One-time passwords: to be downloaded once' }),
    actions: Type.Array(Type.Enum(['start', 'cancel', 'passwords']), {
      description: 'What the requesting user may do now',
    }),
  },
  { $id: 'StudentImport' },
)
export type StudentImport = Static<typeof ImportShape>

/** @returns its id */
export async function addImport(
  tx: Transaction,
  { fileName, checked, userId, now }: { fileName: string; checked: CheckedFile; userId: number; now: Date },
): Promise<number> {
  const { id } = await tx
    .insertInto('imports')
    .values({
      file_name: fileName,
      uploaded_by: userId,
      uploaded_at: now,
      status: 'checked',
      problems: JSON.stringify(checked.problems),
      problem_count: checked.problemCount,
      row_count: checked.rowCount,
      new_accounts: checked.newAccounts,
      new_grants: checked.newGrants,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const rows = checked.problemCount === 0 ? checked.rows : [] // an import that cannot start needs no rows
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
    const some = rows.slice(at, at + ROWS_A_STATEMENT).map((row) => ({
      import_id: id,
      line: row.line,
      username: row.username,
      display_name: row.displayName,
      course_id: row.courseId,
    }))
    await tx.insertInto('import_rows').values(some).execute()
  }
  return id
}

/** Starts the import, with a job in the same transaction. @throws ShopError NOT_FOUND, IMPORT_NOT_READY */
export async function startImport(tx: Transaction, id: number, now: Date): Promise<void> {
  const started = await tx
    .updateTable('imports')
    .set({ status: 'running', started_at: now, moved_at: now })
    .where('id', '=', id)
    .where('status', '=', 'checked')
    .where('problem_count', '=', 0)
    .returning('steps')
    .executeTakeFirst()
  if (!started) throw await refusal(tx, id)
  await enqueue(tx, IMPORT_STUDENTS, { importId: id, step: started.steps })
}

/** Stops the import; what it has done already stays. @throws ShopError NOT_FOUND, IMPORT_NOT_READY */
export async function cancelImport(tx: Transaction, id: number, now: Date): Promise<void> {
  const cancelled = await tx
    .updateTable('imports')
    .set({ status: 'cancelled', ended_at: now })
    .where('id', '=', id)
    .where('status', 'in', ['checked', 'running'])
    .returning('id')
    .executeTakeFirst()
  if (!cancelled) throw await refusal(tx, id)
}

async function refusal(tx: Transaction, id: number): Promise<ShopError> {
  const there = await tx.selectFrom('imports').select('id').where('id', '=', id).executeTakeFirst()
  return new ShopError(there ? 'IMPORT_NOT_READY' : 'NOT_FOUND')
}

export interface NewAccount {
  readonly username: string
  readonly displayName: string
  readonly password: string
}

/** Returns the one-time passwords and deletes them. @throws ShopError NOT_FOUND, IMPORT_NOT_READY, PASSWORDS_GONE */
export async function takePasswords(
  tx: Transaction,
  encryption: Encryption,
  { id, userId, now }: { id: number; userId: number; now: Date },
): Promise<NewAccount[]> {
  const found = await tx
    .selectFrom('imports')
    .select(['status', 'uploaded_by', 'passwords_taken_at'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => new ShopError('NOT_FOUND'))
  if (found.status === 'checked' || found.status === 'running') throw new ShopError('IMPORT_NOT_READY')
  if (found.passwords_taken_at !== null || found.uploaded_by !== userId) throw new ShopError('PASSWORDS_GONE')
  const rows = await tx
    .selectFrom('import_rows')
    .select(['username', 'display_name', 'sealed_password'])
    .where('import_id', '=', id)
    .where('sealed_password', 'is not', null)
    .orderBy('line')
    .execute()
  await tx.updateTable('import_rows').set({ sealed_password: null }).where('import_id', '=', id).execute()
  await renewOneTime(
    tx,
    rows.map(({ username }) => username),
    now,
  )
  await tx.updateTable('imports').set({ passwords_taken_at: now }).where('id', '=', id).execute()
  return rows.map((row) => ({
    username: row.username,
    displayName: row.display_name,
    password: encryption.decrypt(sealedFor(id), row.sealed_password ?? ''),
  }))
}

/** @throws ShopError NOT_FOUND */
export async function readImport(db: Reader, id: number, staffId: number): Promise<StudentImport> {
  const [found] = await findImports(db, staffId, id)
  if (!found) throw new ShopError('NOT_FOUND')
  return found
}

/** The newest imports, or one of them. */
export async function findImports(db: Reader, staffId: number, id?: number): Promise<StudentImport[]> {
  let select = db
    .selectFrom('imports')
    .innerJoin('users', 'users.id', 'imports.uploaded_by')
    .selectAll('imports')
    .select('users.display_name')
  if (id !== undefined) select = select.where('imports.id', '=', id)
  const rows = await select.orderBy('imports.id', 'desc').limit(LISTED).execute()
  if (rows.length === 0) return []
  const counts = await db
    .selectFrom('import_rows')
    .select(({ fn }) => [
      'import_id',
      fn.countAll<number>().filterWhere('state', '!=', 'waiting').as('rows'),
      fn.countAll<number>().filterWhere('account_made', '=', true).as('accounts'),
      fn.countAll<number>().filterWhere('granted', '=', true).as('grants'),
      fn.countAll<number>().filterWhere('state', '=', 'failed').as('failed'),
    ])
    .where(
      'import_id',
      'in',
      rows.map((row) => row.id),
    )
    .groupBy('import_id')
    .execute()
  const done = new Map(counts.map(({ import_id, ...sums }) => [import_id, sums]))
  return rows.map((row) => {
    const made = done.get(row.id) ?? { rows: 0, accounts: 0, grants: 0, failed: 0 }
    const ended = row.status === 'done' || row.status === 'cancelled'
    const passwords = made.accounts === 0 ? 'none' : row.passwords_taken_at ? 'taken' : 'waiting'
    const actions: StudentImport['actions'] = []
    if (row.status === 'checked' && row.problem_count === 0) actions.push('start')
    if (!ended) actions.push('cancel')
    if (ended && passwords === 'waiting' && row.uploaded_by === staffId) actions.push('passwords')
    return {
      id: row.id,
      fileName: row.file_name,
      uploadedBy: row.display_name,
      uploadedAt: writeMoment(row.uploaded_at),
      status: row.status,
      problems: row.problems as StudentImport['problems'],
      problemCount: row.problem_count,
      rows: row.row_count,
      wouldMake: {
        accounts: row.new_accounts,
        grants: row.new_grants,
        alreadyThere: row.problem_count > 0 ? 0 : row.row_count - row.new_grants,
      },
      done: made,
      startedAt: writeMomentOrNull(row.started_at),
      endedAt: writeMomentOrNull(row.ended_at),
      passwords,
      actions,
    }
  })
}
