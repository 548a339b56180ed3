/** Whether the operator's own PostgreSQL answers, said of the setting that names it, before anything stands on it. */
import pg from 'pg'
import { SettingError } from '../config.ts'
import { primaryAddress } from './hosts.ts'

const LIMIT_MS = 10_000
const EXAMPLE = 'postgres://shop:secret@db.internal:5432/shop'

/** What PostgreSQL's refusals mean; what else it says is its own words, and holds no password. */
const MEANINGS: Readonly<Record<string, string>> = {
  '28P01': 'refuses the user or the password',
  '28000': 'does not let this user in',
  '3D000': 'has no such database',
}

/** @throws SettingError, in words without the password */
export async function refuseUnreachable(url: string): Promise<void> {
  const host = /^[^/]*\/\/(?:[^/?]*@)?([^/?]*)/.exec(url)?.[1] || 'this machine'
  let client: pg.Client | undefined
  try {
    client = new pg.Client({ connectionString: await primaryAddress(url), connectionTimeoutMillis: LIMIT_MS })
    client.on('error', () => {})
    await client.connect()
  } catch (error) {
    throw new SettingError('DATABASE_URL', `the PostgreSQL at ${host} ${whyNot(error)}`, EXAMPLE)
  } finally {
    await client?.end().catch(() => {})
  }
}

function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
  const ofTheSystem = /^E[A-Z_]+$/.test(code) ? code : ''
  return MEANINGS[code] ?? `cannot be used (${ofTheSystem || message || 'no answer'})`
}
