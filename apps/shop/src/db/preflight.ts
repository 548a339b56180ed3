/**
 * Checks at the start that the operator's own PostgreSQL answers, and reports a failure for the setting that names it.
 */
import type pg from 'pg'
import { SettingError } from '../config.ts'
import { withClient } from './hosts.ts'

const LIMIT_MS = 10_000
const EXAMPLE = 'postgres://shop:secret@db.internal:5432/shop'

/** The meaning of PostgreSQL's refusals; its own other messages contain no password. */
const MEANINGS: Readonly<Record<string, string>> = {
  '28P01': 'refuses the user or the password',
  '28000': 'does not let this user in',
  '3D000': 'has no such database',
}

/** @throws SettingError with a message that omits the password */
export async function refuseUnreachable(url: string): Promise<void> {
  const host = /^[^/]*\/\/(?:[^/?]*@)?([^/?]*)/.exec(url)?.[1] || 'this machine'
  await withClient(url, async () => {}, LIMIT_MS).catch((error: unknown) => {
    throw new SettingError('DATABASE_URL', `the PostgreSQL at ${host} ${whyNot(error)}`, EXAMPLE)
  })
}

/** Warns when the role has rights that the shop never needs: with them, SQL can read the machine's files. */
export async function warnOfRights(
  url: string,
  say = (line: string): void => void process.stderr.write(`${line}\n`),
): Promise<void> {
  const query = `select current_user as name, rolsuper as superuser, exists (
      select from unnest(array['pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program']) right_
      where pg_has_role(current_user, right_, 'usage')) as files
    from pg_roles where rolname = current_user`
  const read = (client: pg.Client) => client.query<{ name: string; superuser: boolean; files: boolean }>(query)
  const { rows } = await withClient(url, read, LIMIT_MS)
  const [{ name, superuser, files } = { name: '', superuser: false, files: false }] = rows
  const what = superuser ? 'is a superuser' : files ? 'may read or write files of the server' : undefined
  if (!what) return
  say(
    `DATABASE_URL: the role "${name}" ${what}, which the shop does not need; docs/deploy.md says how to make a plain one`,
  )
}

function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
  const ofTheSystem = /^E[A-Z_]+$/.test(code) ? code : ''
  return MEANINGS[code] ?? `cannot be used (${ofTheSystem || message || 'no answer'})`
}
