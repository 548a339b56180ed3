/** Folds the login names of older accounts: runs once, between migrations 0036 and 0037. */
import type pg from 'pg'
import { foldName } from '../text/login-name.ts'

const BATCH = 5000

/**
 * Each batch is a statement of its own, so that none holds its locks for long; if interrupted, the next start
 * continues. Accounts that a node of the last version adds meanwhile are folded by a trigger, without Unicode's finer
 * rules.
 */
export async function foldLoginNames(client: pg.Client): Promise<void> {
  for (let after = 0; ; ) {
    const { rows } = await client.query<{ id: number; username: string }>(
      'select id::int4, username from users where id > $1 and login_name is null order by id limit $2',
      [after, BATCH],
    )
    const last = rows.at(-1)
    if (!last) return
    await client.query(
      `update users set login_name = folded.name from unnest($1::bigint[], $2::text[]) as folded (id, name)
         where users.id = folded.id and users.login_name is null`,
      [rows.map(({ id }) => id), rows.map(({ username }) => foldName(username))],
    )
    after = last.id
  }
}
