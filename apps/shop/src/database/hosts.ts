/**
 * A database address that names several servers, `postgres://user:password@a:5432,b:5432/shop`: a primary and its
 * standbys. Each new connection goes to whichever of them takes writes just then.
 */
import pg from 'pg'

const PROBE_LIMIT_MS = 2000

/** One address a server, in the order given. An address with one host is returned as it is. */
export function addressesOf(url: string): string[] {
  const parts = /^(postgres(?:ql)?:\/\/(?:[^/?]*@)?)([^@/?]+)(.*)$/.exec(url)
  const [, before = '', hosts = '', after = ''] = parts ?? []
  if (!hosts.includes(',')) return [url]
  // What libpq reads from the address is what this file does; node-postgres does not know the word.
  const rest = after.replace(/([?&])target_session_attrs=[^&]*(&|$)/, (_all, start, end) => (end ? start : ''))
  return hosts.split(',').map((host) => `${before}${host}${rest}`)
}

/** No server of several takes writes just now; safe to repeat later. */
export class NoPrimaryError extends Error {
  override readonly name = 'NoPrimaryError'
  readonly code = '57P03'
}

/**
 * The address of the server that takes writes, asked afresh each time: a standby may have been promoted since.
 * A single address is not asked.
 * @throws NoPrimaryError when none answers in time as a primary
 */
export async function primaryAddress(url: string): Promise<string> {
  const [first, ...others] = addressesOf(url)
  if (first === undefined || others.length === 0) return url
  const asked = [first, ...others].map(async (address) => {
    if (await isPrimary(address)) return address
    throw new NoPrimaryError('This server is a standby')
  })
  return Promise.any(asked).catch((cause) => {
    throw new NoPrimaryError('None of the database servers takes writes', { cause })
  })
}

async function isPrimary(address: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: address,
    connectionTimeoutMillis: PROBE_LIMIT_MS,
    query_timeout: PROBE_LIMIT_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
    return rows[0]?.standby === false
  } finally {
    void client.end().catch(() => {})
  }
}
