/** Sends random requests to a running shop, and keeps those that ended in a 5xx that is not allowed. */
import { Pool } from 'undici'
import type { System } from '../system.ts'
import { type FuzzRequest, fuzzed, seeded } from './requests.ts'
import { type Operation, operationsOf, type Paths } from './worst-requests.ts'

export interface FuzzResult {
  readonly sent: number
  readonly failures: readonly { request: string; status: number; body: string }[]
}

/** Streams, which do not end. */
const LEFT_OUT = /^GET .*\/events/
/** What could end the fuzzing itself: its own sessions, its own passwords. It comes last, by accounts of its own. */
const ABOUT_ACCOUNTS =
  /^(DELETE \/api\/session|POST \/api\/(session|users|first-run|me\/password)|POST \/api\/admin\/profile\/|POST \/api\/admin\/staff|PUT \/api\/admin\/security)/
/** Of all requests, so many are about accounts: many of them hash a password. */
const SHARE_ABOUT_ACCOUNTS = 0.1
const AT_ONCE = 4

/** @param count how many requests in all, spread over every operation, as nobody, as a buyer and as staff */
export async function fuzz(system: System, { seed, count }: { seed: number; count: number }): Promise<FuzzResult> {
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const buyer = await system.buyer()
  const { body: order } = await buyer.buy([1], '39.00')
  const { body } = await staff.call<{ paths: Paths }>('GET', '/api/openapi.json')
  const ids = { orderNo: order.orderNo, provider: 'alipay', day: '2026-11-23' }
  const operations = operationsOf(body.paths, ids).filter(({ name }) => !LEFT_OUT.test(name))
  const random = seeded(seed)
  const make = (among: readonly Operation[], tokens: readonly (string | undefined)[], howMany: number) =>
    Array.from({ length: howMany }, (_, index) => {
      const operation = among[index % among.length]
      if (!operation) throw new Error('no operations')
      const token = tokens[Math.floor(random() * tokens.length)]
      const request = fuzzed(operation, random)
      return { ...request, headers: { ...(token && { authorization: `Bearer ${token}` }), ...request.headers } }
    })
  const aboutAccounts = Math.ceil(count * SHARE_ABOUT_ACCOUNTS)
  const requests = make(
    operations.filter(({ name }) => !ABOUT_ACCOUNTS.test(name)),
    [undefined, buyer.token, buyer.token, staff.token, staff.token],
    count - aboutAccounts,
  )
  const accounts = make(
    operations.filter(({ name }) => ABOUT_ACCOUNTS.test(name)),
    [undefined, ...(await ownAccounts(system))],
    aboutAccounts,
  )
  const pool = new Pool(system.shopUrl, { connections: AT_ONCE, headersTimeout: 60_000 })
  const failures: { request: string; status: number; body: string }[] = []
  let sent = 0
  const sendAll = async (waiting: FuzzRequest[]) => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const failure = await failureOf(pool, next)
      sent += 1
      if (failure) failures.push(failure)
    }
  }
  for (const phase of [requests, accounts]) await Promise.all(Array.from({ length: AT_ONCE }, () => sendAll(phase)))
  await pool.close()
  return { sent, failures }
}

/** Tokens of a buyer, an owner and one of the support, of whom nothing else needs anything. */
async function ownAccounts(system: System): Promise<(string | undefined)[]> {
  const buyer = await system.buyer()
  const staff = ['owner', 'support'].map(async (role) => {
    await system.sql(
      `insert into users (username, display_name, password_hash, role)
       select 'fuzz-' || $1::text, 'Fuzz', password_hash, $1::text from users where username = 'admin'`,
      [role],
    )
    const client = system.client()
    await client.login(`fuzz-${role}`, 'admin123456')
    return client.token
  })
  return [buyer.token, ...(await Promise.all(staff))]
}

async function failureOf(pool: Pool, { operation, method, path, headers, body }: FuzzRequest) {
  try {
    const answer = await pool.request({ method: method as 'GET', path, headers, body: body ?? null })
    const text = await answer.body.text()
    const isTooMuch = answer.statusCode === 503 && text.includes('"OVERLOADED"') && answer.headers['retry-after']
    if (answer.statusCode < 500 || isTooMuch) return undefined
    const shown = `${operation}: ${method} ${path.slice(0, 300)} ${JSON.stringify(headers)
      .slice(0, 300)
      .replace(/Bearer [\w.-]+/, 'Bearer …')} ${String(body).slice(0, 500)}`
    return { request: shown, status: answer.statusCode, body: text.slice(0, 300) }
  } catch (error) {
    // A client refuses to send some; a server cuts off others.
    return error instanceof Error &&
      /^(UND_ERR_INVALID|UND_ERR_SOCKET|ECONNRESET|EPIPE)/.test(String(Reflect.get(error, 'code')))
      ? undefined
      : { request: operation, status: 0, body: String(error) }
  }
}
