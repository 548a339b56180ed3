/** Finds the account for a login name. */
import { sql } from 'kysely'
import type { Reader } from '../db/connect.ts'
import { foldName } from '../text/login-name.ts'

/**
 * A folded name belongs to one account. An exact match may be an older account whose folded name belongs to another one
 * (migration 0037); it comes first, since no later name is stored in that form.
 */
export async function findAccount(db: Reader, entered: string): Promise<number | undefined> {
  return (await findAccounts(db, [entered]))(entered)?.id
}

/** Like `findAccount`, for many names at once. */
export async function findAccounts(db: Reader, entered: readonly string[]) {
  const forms = [...new Set(entered.flatMap(formsOf))]
  const rows = await db
    .selectFrom('users')
    .select(['id', 'login_name', 'role'])
    .where(sql<boolean>`login_name = any(${forms}::text[])`)
    .execute()
  const found = new Map(rows.map(({ login_name, id, role }) => [login_name, { id, isStaff: role !== 'buyer' }]))
  return (name: string) => formsOf(name).flatMap((form) => found.get(form) ?? [])[0]
}

/** The forms in which a name may be stored; the first one that exists is its account. */
const formsOf = (entered: string): string[] => [entered, entered.toLowerCase(), foldName(entered)]
