/** Staff are looked after by the owner: roles, disabling, passwords; whatever happens at once, an owner stays. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem } from '../harness/system.ts'

let system: System
let owner: ShopApi

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
}, 120_000)

afterAll(() => system.stop())

async function member(name: string, role: string): Promise<{ api: ShopApi; id: number }> {
  const api = system.client()
  await api.register(name)
  await system.sql('update users set role = $1 where username = $2', [role, name])
  return { api, id: (await api.call<{ id: number }>('GET', '/api/me')).body.id }
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
  expect((await again.call('GET', '/api/admin/me')).status).toBe(200)

  await owner.call('POST', `/api/admin/staff/${id}/disable`, { disabled: true, reason: 'left' })
  expect((await again.call('GET', '/api/admin/me')).status).toBe(401)

  const log = await system.sql('select * from audit_log where subject = $1 order by id', [`staff/${id}`])
  expect(log).toMatchObject([
    { action: 'staff.role', before: { role: 'support' }, after: { role: 'finance' }, note: 'moves' },
    { action: 'staff.password' },
    { action: 'staff.disable', before: { disabled: false }, after: { disabled: true } },
  ])
  expect(JSON.stringify(log)).not.toContain(password)
})

test('a buyer is not staff here', async () => {
  const { id } = await member('only-buys', 'buyer')
  const answer = await owner.call('POST', `/api/admin/staff/${id}/role`, { role: 'owner', reason: 'no' })
  expect(answer).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } })
})

test('two owners who take each other away at the same moment: one of them stays', async () => {
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

test('the last owner keeps the role and stays enabled', async () => {
  const { id } = (await owner.call<{ id: number }>('GET', '/api/me')).body
  const role = await owner.call('POST', `/api/admin/staff/${id}/role`, { role: 'editor', reason: 'x' })
  expect(role).toMatchObject({ status: 409, body: { code: 'LAST_OWNER' } })
  const disabled = await owner.call('POST', `/api/admin/staff/${id}/disable`, { disabled: true, reason: 'x' })
  expect(disabled).toMatchObject({ status: 409, body: { code: 'LAST_OWNER' } })
})
