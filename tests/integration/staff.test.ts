/** The owner manages the staff: accounts, roles, passwords, sessions; under any concurrency an owner remains. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let owner: ShopApi

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
}, 300_000)

afterAll(() => system.stop())

async function member(name: string, role: string): Promise<{ api: ShopApi; id: number }> {
  const api = system.client()
  await api.register(name)
  await system.sql('update users set role = $1 where username = $2', [role, name])
  return { api, id: (await api.call<{ id: number }>('GET', '/api/me')).body.id }
}

/** Changes a one-time password. */
async function ownPassword(api: ShopApi, current: string): Promise<void> {
  const { status } = await api.call('POST', '/api/me/password', { current, password: 'a password of my own' })
  if (status !== 204) throw new Error(`password: ${status}`)
}

interface Listed {
  readonly items: { id: number; username: string; role: string; disabledAt: string | null }[]
  readonly roles: { role: string; rights: string[] }[]
}
const staff = async () => (await owner.call<Listed>('GET', '/api/admin/staff')).body

test('the owner sees the staff, no buyers, and what each role may do', async () => {
  await member('listed-editor', 'editor')
  await member('not-listed', 'buyer')
  const { items, roles } = await staff()
  expect(items.find(({ username }) => username === 'listed-editor')?.role).toBe('editor')
  expect(items.some(({ username }) => username === 'not-listed')).toBe(false)
  expect(roles.find(({ role }) => role === 'editor')?.rights).toContain('courses.write')
  expect(roles.find(({ role }) => role === 'editor')?.rights).not.toContain('staff.write')
})

test('another role, disabling and a new password end the sessions and are in the audit log, without the password', async () => {
  const { api, id } = await member('cared-for', 'support')
  const changed = await owner.call('POST', `/api/admin/staff/${id}/role`, { role: 'finance', reason: 'moves' })
  expect(changed).toMatchObject({ status: 200, body: { role: 'finance' } })
  expect((await api.call('GET', '/api/me')).status).toBe(401)

  const path = `/api/admin/staff/${id}/password`
  const { password } = (await owner.call<{ password: string }>('POST', path, { reason: 'lost' })).body
  const again = system.client()
  await again.login('cared-for', password)
  await ownPassword(again, password)
  expect((await again.call('GET', '/api/admin/me')).status).toBe(200)

  await owner.call('POST', `/api/admin/staff/${id}/disable`, { disabled: true, reason: 'left' })
  expect((await again.call('GET', '/api/admin/me')).status).toBe(401)

  const log = await system.sql('select * from audit_log where subject = $1 order by id', [`staff/${id}`])
  expect(log).toMatchObject([
    { action: 'staff.role', before: { role: 'support' }, after: { role: 'finance' }, note: 'moves' },
    { action: 'staff.password' },
    { action: 'profile.password' },
    { action: 'staff.disable', before: { disabled: false }, after: { disabled: true } },
  ])
  expect(JSON.stringify(log)).not.toContain(password)
})

interface Added {
  readonly member: { id: number; role: string; passwordDue: boolean }
  readonly password: string | null
}

test('a new member’s password is shown once, only lets them change it, and a repeated request does not show it again', async () => {
  const wanted = { username: 'new-editor', displayName: '新编辑', role: 'editor' }
  const key = { 'idempotency-key': 'add-new-editor' }
  const added = await owner.call<Added>('POST', '/api/admin/staff', wanted, key)
  expect(added).toMatchObject({ status: 201, body: { member: { role: 'editor', passwordDue: true } } })
  const password = added.body.password ?? ''
  const repeated = await owner.call<Added>('POST', '/api/admin/staff', wanted, key)
  expect(repeated).toMatchObject({ status: 201, body: { member: { id: added.body.member.id }, password: null } })
  const taken = await owner.call('POST', '/api/admin/staff', wanted)
  expect(taken).toMatchObject({ status: 409, body: { code: 'USERNAME_TAKEN' } })

  const api = system.client()
  await api.login('new-editor', password)
  expect((await api.call('GET', '/api/me')).status).toBe(200)
  for (const path of ['/api/admin/me', '/api/admin/courses', '/api/orders', '/api/me/courses']) {
    expect(await api.call('GET', path)).toMatchObject({ status: 403, body: { code: 'PASSWORD_DUE' } })
  }
  const change = (current: string, next: string) => api.call('POST', '/api/me/password', { current, password: next })
  expect(await change('not the password', 'another one')).toMatchObject({ body: { code: 'WRONG_PASSWORD' } })
  expect(await change(password, password)).toMatchObject({ body: { code: 'SAME_PASSWORD' } })
  await ownPassword(api, password)
  expect((await api.call('GET', '/api/admin/courses')).status).toBe(200)
  expect((await api.call('GET', '/api/admin/staff')).status).toBe(403)

  const written = await system.sql(
    'select to_jsonb(k)::text as row from idempotency_keys k union all select to_jsonb(a)::text from audit_log a',
  )
  expect(JSON.stringify(written)).not.toContain(password)
  const log = await system.sql('select * from audit_log where subject = $1 order by id', [
    `staff/${added.body.member.id}`,
  ])
  expect(log).toMatchObject([
    { action: 'staff.create', username: 'admin', after: { username: 'new-editor', role: 'editor' } },
    { action: 'profile.password', username: 'new-editor' },
  ])
})

interface Sessions {
  readonly items: { id: string; userAgent: string; seenAt: string | null; current: boolean }[]
}

test('sessions are listed and ended: one, all others, by the owner, and by a new password', async () => {
  const { api: first, id } = await member('many-places', 'support')
  const another = async () => {
    const api = system.client()
    await api.login('many-places', 'a long password')
    return api
  }
  const [second, third] = [await another(), await another()]
  const mine = async () => (await first.call<Sessions>('GET', '/api/admin/profile/sessions')).body.items
  expect(await mine()).toHaveLength(3)
  expect(
    (await until(mine, (items) => items.some(({ seenAt }) => seenAt !== null))).map(({ current }) => current),
  ).toEqual(
    [true, false, false], // used last, so it comes first
  )
  const status = async (api: ShopApi) => (await api.call('GET', '/api/me')).status
  const ids = (await second.call<Sessions>('GET', '/api/admin/profile/sessions')).body.items
  const its = ids.find(({ current }) => current)?.id
  expect((await first.call('POST', '/api/admin/profile/sessions/end', { id: its })).status).toBe(200)
  expect([await status(first), await status(second), await status(third)]).toEqual([200, 401, 200])
  expect(await first.call('POST', '/api/admin/profile/sessions/end', { id: its })).toMatchObject({
    status: 404,
    body: { code: 'SESSION_NOT_FOUND' },
  })
  // Another person's session cannot be ended.
  const { api: stranger } = await member('other-places', 'support')
  const left = (await mine())[0]?.id
  expect((await stranger.call('POST', '/api/admin/profile/sessions/end', { id: left })).status).toBe(404)

  await first.call('POST', '/api/admin/profile/sessions/end', {})
  expect([await status(first), await status(third)]).toEqual([200, 401])

  const fourth = await another()
  await ownPassword(first, 'a long password')
  expect([await status(first), await status(fourth)]).toEqual([200, 401])

  const seen = await owner.call<Sessions>('GET', `/api/admin/staff/${id}/sessions`)
  expect(seen.body.items).toMatchObject([{ current: false }])
  const reason = 'lost laptop'
  const ended = await owner.call('POST', `/api/admin/staff/${id}/sessions/end`, { reason })
  expect(ended).toMatchObject({ status: 200, body: { items: [] } })
  expect(await status(first)).toBe(401)
})

test('a second factor is turned on by its first code, required at login, and turned off', async () => {
  const { api, id } = await member('with-a-phone', 'support')
  const elsewhere = system.client()
  await elsewhere.login('with-a-phone', 'a long password')
  const path = '/api/admin/profile/second-factor'
  const password = 'a long password'
  const begun = (await api.call<{ secret: string; uri: string }>('POST', path)).body
  expect(begun.uri).toContain(begun.secret)
  // The current code and the next one: both are valid around the end of a half minute.
  const codeIn = (seconds: number) =>
    new TOTP({ secret: Secret.fromBase32(begun.secret) }).generate({ timestamp: Date.now() + seconds * 1000 })
  const used = codeIn(0)
  const confirmed = await api.call<{ recoveryCodes: string[] }>('POST', `${path}/confirm`, { code: used })
  expect(confirmed.status).toBe(200)
  expect((await elsewhere.call('GET', '/api/me')).status).toBe(401)
  const [first, second] = confirmed.body.recoveryCodes
  expect(confirmed.body.recoveryCodes).toHaveLength(10)

  const enter = (code?: string) =>
    system.client().call<{ code?: string; token?: string }>('POST', '/api/session', {
      username: 'with-a-phone',
      password,
      ...(code && { code }),
    })
  expect(await enter()).toMatchObject({ status: 401, body: { code: 'SECOND_FACTOR_REQUIRED' } })
  expect((await enter()).headers.get('set-cookie')).toBeNull()
  expect(await enter(used)).toMatchObject({ status: 401, body: { code: 'WRONG_CODE' } })
  expect((await enter(codeIn(30))).status).toBe(200)
  expect((await enter(first)).status).toBe(200)
  expect(await enter(first)).toMatchObject({ status: 401, body: { code: 'WRONG_CODE' } })
  expect((await staff()).items.find((one) => one.id === id)).toMatchObject({ secondFactor: true })

  const anew = await api.call<{ recoveryCodes: string[] }>('POST', `${path}/recovery-codes`)
  expect(anew.body.recoveryCodes).toHaveLength(10)
  const [left] = anew.body.recoveryCodes
  expect(await enter(second)).toMatchObject({ status: 401, body: { code: 'WRONG_CODE' } }) // invalid since new ones were made
  expect((await api.call('POST', `${path}/off`)).status).toBe(204)
  expect(await api.call('POST', `${path}/recovery-codes`)).toMatchObject({ body: { code: 'SECOND_FACTOR_MISSING' } })
  expect((await enter()).status).toBe(200)

  // When the device is lost the owner turns it off, which ends that person's sessions.
  const again = (await api.call<{ secret: string }>('POST', path)).body.secret
  const code = new TOTP({ secret: Secret.fromBase32(again) }).generate()
  expect((await api.call('POST', `${path}/confirm`, { code })).status).toBe(200)
  const reset = await owner.call('POST', `/api/admin/staff/${id}/second-factor/off`, { reason: 'lost phone' })
  expect(reset).toMatchObject({ status: 200, body: { secondFactor: false } })
  expect((await api.call('GET', '/api/me')).status).toBe(401)
  expect((await enter()).status).toBe(200)

  const log = await system.sql<{ action: string }>('select * from audit_log where subject = $1 order by id', [
    `staff/${id}`,
  ])
  expect(log.map(({ action }) => action)).toEqual([
    'profile.factor-on',
    'profile.recovery-codes',
    'profile.factor-off',
    'profile.factor-on',
    'staff.second-factor',
  ])
  for (const told of [begun.secret, again, first, left]) expect(JSON.stringify(log)).not.toContain(told)
})

test('a buyer who changes the password enters the old one, and other browsers are logged out', async () => {
  const buyer = await system.buyer()
  const { username } = (await buyer.call<{ username: string }>('GET', '/api/me')).body
  const elsewhere = system.client()
  await elsewhere.login(username, 'a long password')
  await ownPassword(buyer, 'a long password')
  expect((await elsewhere.call('GET', '/api/me')).status).toBe(401)
  expect((await buyer.call('GET', '/api/me')).status).toBe(200)
  await elsewhere.login(username, 'a password of my own')
})

test('buyers are not listed as staff', async () => {
  const { id } = await member('only-buys', 'buyer')
  const answer = await owner.call('POST', `/api/admin/staff/${id}/role`, { role: 'owner', reason: 'no' })
  expect(answer).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } })
})

test('of two owners who remove each other at the same moment, one stays', async () => {
  const { id: mine } = (await owner.call<{ id: number }>('GET', '/api/me')).body
  for (let round = 0; round < 8; round++) {
    const other = await member(`owner-${round}`, 'owner')
    const reason = 'race'
    const answers = await Promise.all([
      owner.call('POST', `/api/admin/staff/${other.id}/disable`, { disabled: true, reason }),
      other.api.call('POST', `/api/admin/staff/${mine}/role`, { role: 'editor', reason }),
    ])
    expect(answers.map(({ status }) => status).sort()[0]).toBe(200)
    const left = await system.sql("select id from users where role = 'owner' and disabled_at is null", [])
    expect(left).toHaveLength(1)
    await system.sql("update users set role = 'owner' where id = $1", [mine])
    await system.sql("update users set role = 'editor' where id = $1", [other.id])
    await owner.login('admin', 'admin123456')
  }
})

test('owners cannot bypass their own password and second factor through the staff list', async () => {
  const { id } = (await owner.call<{ id: number }>('GET', '/api/me')).body
  for (const way of ['password', 'second-factor/off']) {
    const answer = await owner.call('POST', `/api/admin/staff/${id}/${way}`, { reason: 'x' })
    expect(answer).toMatchObject({ status: 409, body: { code: 'OWN_ACCOUNT' } })
  }
})

test('the last owner keeps the role and stays enabled', async () => {
  const { id } = (await owner.call<{ id: number }>('GET', '/api/me')).body
  const role = await owner.call('POST', `/api/admin/staff/${id}/role`, { role: 'editor', reason: 'x' })
  expect(role).toMatchObject({ status: 409, body: { code: 'LAST_OWNER' } })
  const disabled = await owner.call('POST', `/api/admin/staff/${id}/disable`, { disabled: true, reason: 'x' })
  expect(disabled).toMatchObject({ status: 409, body: { code: 'LAST_OWNER' } })
})
