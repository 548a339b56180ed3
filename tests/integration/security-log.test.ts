/** The security log: each access decision is one structured line, and an account reads its own. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetSecurityEvents } from '../../apps/shop/src/auth/security-log/events.ts'
import { connect } from '../../apps/shop/src/db/connect.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let owner: ShopApi

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
})

afterAll(() => system.stop())

interface Line {
  readonly event: string
  readonly outcome: string
  readonly reason?: string
  readonly userId?: number | undefined
  readonly nameHash?: string
  readonly by?: number | undefined
  readonly address: string
  readonly userAgent: string
  readonly route: string
  readonly times?: number
}

const lines = (): Line[] =>
  system
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes('"security":true'))
    .map((line) => JSON.parse(line) as Line)

/** Written in parallel with the answer, so it may come a moment later. */
const lineOf = async (agent: string, like: Partial<Line>) => {
  const mine = () => lines().filter((line) => line.userAgent === agent)
  const found = await until(async () => mine().find((line) => matches(line, like)), Boolean).catch(() => undefined)
  expect(found, `${JSON.stringify(like)} among ${JSON.stringify(mine())}`).toBeDefined()
  return found as Line
}
const matches = (line: Line, like: Partial<Line>) =>
  Object.entries(like).every(([key, value]) => Reflect.get(line, key) === value)

const agentOf = (name: string) => `${name}-${randomUUID().slice(0, 8)}`

test('logins, refusals, logins as another account, log-outs and tokens used afterwards are logged', async () => {
  const agent = agentOf('log')
  const from = { 'user-agent': agent }
  const api = system.client()
  const name = `sec-${randomUUID().slice(0, 8)}`
  const password = 'a long password'
  const made = await api.call<{ token: string; user: { id: number } }>(
    'POST',
    '/api/users',
    { username: name, password },
    from,
  )
  const { id } = made.body.user
  await lineOf(agent, { event: 'registration', outcome: 'ok', userId: id })

  await api.call('POST', '/api/session', { username: name, password: 'not this one' }, from)
  const refused = await lineOf(agent, { event: 'login', outcome: 'refused', userId: id })
  expect(refused).toMatchObject({ reason: 'BAD_CREDENTIALS', address: '127.0.0.1', route: '/api/session' })
  expect(refused.nameHash).toBeUndefined()

  await api.call('POST', '/api/session', { username: 'hunter2 in the wrong field', password: 'x' }, from)
  const unknown = await lineOf(agent, { event: 'login', outcome: 'refused', userId: undefined })
  expect(unknown.nameHash).toMatch(/^[\w-]{16}$/)

  const { body } = await api.call<{ token: string }>('POST', '/api/session', { username: name, password }, from)
  await lineOf(agent, { event: 'login', outcome: 'ok', userId: id })
  api.token = body.token

  await api.call('GET', '/api/admin/orders', undefined, from)
  await lineOf(agent, { event: 'access.refused', reason: 'NOT_ALLOWED', userId: id, route: '/api/admin/orders' })
  await api.call('POST', '/api/me/password', { current: 'wrong', password: 'another long one' }, from)
  await lineOf(agent, { event: 'password.changed', outcome: 'refused', reason: 'WRONG_PASSWORD', userId: id })
  await api.call('POST', '/api/me/password', { current: password, password: 'another long one' }, from)
  await lineOf(agent, { event: 'password.changed', outcome: 'ok', userId: id })
  await api.call('POST', '/api/orders', { nonsense: true }, from)
  await lineOf(agent, { event: 'input.refused', reason: 'INVALID_INPUT' })
  await api.call('DELETE', '/api/session', undefined, from)
  await lineOf(agent, { event: 'logout', outcome: 'ok', userId: id })
  await api.call('GET', '/api/me', undefined, from)
  await lineOf(agent, { event: 'session.refused', outcome: 'refused' })
  api.token = undefined
  await api.call('GET', '/api/me', undefined, from)
  await lineOf(agent, { event: 'access.refused', reason: 'LOGIN_REQUIRED' })
  await api.call('POST', '/api/session', { username: name, password }, { ...from, origin: 'https://evil.example' })
  await lineOf(agent, { event: 'origin.refused', reason: 'FORBIDDEN_ORIGIN' })

  const output = system.output()
  for (const secret of ['a long password', 'another long one', 'not this one', 'hunter2', body.token]) {
    expect(output.includes(secret), secret).toBe(false)
  }
})

test('changes that staff make to an account are logged with their author, and an account reads only its own events', async () => {
  const agent = agentOf('staff')
  const from = { 'user-agent': agent }
  const wanted = { username: `sec-${randomUUID().slice(0, 8)}`, displayName: '新人', role: 'support' }
  const added = await owner.call<{ member: { id: number }; password: string }>('POST', '/api/admin/staff', wanted, from)
  const { id } = added.body.member
  const created = await lineOf(agent, { event: 'account.created', outcome: 'ok', userId: id })
  expect(created.by).toBeTypeOf('number')

  await owner.call('POST', `/api/admin/staff/${id}/role`, { role: 'finance', reason: 'moves' }, from)
  await lineOf(agent, { event: 'account.role', outcome: 'ok', userId: id, by: created.by })
  for (const disabled of [true, false]) {
    await owner.call('POST', `/api/admin/staff/${id}/disable`, { disabled, reason: 'x' }, from)
    await lineOf(agent, { event: disabled ? 'account.disabled' : 'account.enabled', userId: id })
  }

  const member = system.client()
  const { password } = added.body
  await member.login(wanted.username, password)
  await member.call('POST', '/api/me/password', { current: password, password: 'a password of my own' })
  interface Page {
    readonly items: { event: string; outcome: string; by: string | null; address: string; userAgent: string }[]
    readonly next: string | null
  }
  const { items } = await until(
    async () => (await member.call<Page>('GET', '/api/admin/profile/security-events')).body,
    (page) => page.items.some(({ event }) => event === 'password.changed'),
  )
  expect(items.map(({ event }) => event)).toEqual([
    'password.changed',
    'login',
    'account.enabled',
    'account.disabled',
    'account.role',
    'account.created',
  ])
  expect(items.at(-1)).toMatchObject({ by: 'admin', userAgent: agent, address: '127.0.0.1' })
  expect(items[1]).toMatchObject({ event: 'login', outcome: 'ok', by: null })
})

test('a flood of refusals becomes five lines and a count, in the log and in the table', async () => {
  const agent = agentOf('flood')
  const buyer = await system.buyer()
  const { id } = (await buyer.call<{ id: number }>('GET', '/api/me')).body
  for (let n = 0; n < 60; n += 1) await buyer.call('GET', '/api/admin/orders', undefined, { 'user-agent': agent })
  await until(
    async () => lines().filter((line) => line.userAgent === agent).length,
    (seen) => seen >= 5,
  )
  // Each of the two processes logs five.
  expect(lines().filter((line) => line.userAgent === agent).length).toBeLessThanOrEqual(10)
  const rows = await system.sql('select * from security_events where user_id = $1', [id])
  expect(rows.length).toBeLessThanOrEqual(11)
})

test('events are paged by cursor; old ones are deleted, and each outcome has a limit', async () => {
  const { id } = (await owner.call<{ id: number }>('GET', '/api/me')).body
  await system.sql(
    `insert into security_events (user_id, at, event, outcome)
     select $1, now() - interval '1 hour', 'login', 'ok' from generate_series(1, 45)`,
    [id],
  )
  interface Page {
    readonly items: { id: number }[]
    readonly next: string | null
  }
  const seen: number[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path: string = `/api/admin/profile/security-events${cursor && `?cursor=${cursor}`}`
    const { body }: { body: Page } = await owner.call<Page>('GET', path)
    seen.push(...body.items.map((item) => item.id))
    cursor = body.next
  }
  expect(seen.length).toBeGreaterThanOrEqual(45)
  expect(seen).toEqual([...new Set(seen)].sort((left, right) => right - left))
  const bad = await owner.call('GET', '/api/admin/profile/security-events?cursor=nonsense')
  expect(bad.status).toBe(422)

  await system.sql(
    `insert into security_events (user_id, at, event, outcome)
     select $1::bigint, now(), 'login', 'refused' from generate_series(1, 700)
     union all select $1::bigint, now() - interval '181 days', 'login', 'ok' from generate_series(1, 3)`,
    [id],
  )
  const { db, close } = connect(readFileSync(join(system.dataDir, 'postgres/url'), 'utf8').trim(), 1)
  await forgetSecurityEvents(db, new Date())
  await close()
  const kept = await system.sql<{ outcome: string; n: string }>(
    `select outcome, count(*) as n from security_events where user_id = $1 and at > now() - interval '2 hours' group by 1`,
    [id],
  )
  const count = (outcome: string) => Number(kept.find((row) => row.outcome === outcome)?.n)
  expect(count('refused')).toBe(500)
  expect(count('ok')).toBeGreaterThanOrEqual(45)
  expect(await system.sql(`select 1 from security_events where at < now() - interval '180 days'`)).toEqual([])
})
