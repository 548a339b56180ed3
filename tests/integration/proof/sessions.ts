/** How long sessions last, and the notices to owners. */
import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { until } from '../../harness/system.ts'
import { age, ago, member, owner, prove, stale, system } from './rig.ts'

test('a staff session ends after twelve hours, or two without use; a buyer’s does not', async () => {
  const buyer = await system.buyer()
  const { username } = (await buyer.call<{ username: string }>('GET', '/api/me')).body
  const support = await member('goes-home', 'support')
  const status = async (api: ShopApi) => (await api.call('GET', '/api/me')).status
  for (const [set, expected] of [
    [`created_at = ${ago('11 hours 59 minutes')}, seen_at = ${ago('1 hour 59 minutes')}`, 200],
    [`created_at = ${ago('11 hours 59 minutes')}, seen_at = ${ago('2 hours')}`, 401],
    [`created_at = ${ago('2 hours')}, seen_at = null`, 401],
    [`created_at = ${ago('12 hours')}, seen_at = now()`, 401],
  ] as const) {
    for (const name of ['goes-home', username]) await age(name, set)
    expect([set, await status(support), await status(buyer)]).toEqual([set, expected, 200])
  }
  const ends = async (name: string) => {
    const [row] = await system.sql<{ hours: number }>(
      'select extract(epoch from expires_at - now())::float / 3600 as hours from sessions s join users u on u.id = s.user_id where username = $1 order by s.created_at desc',
      [name],
    )
    return row?.hours ?? 0
  }
  await support.login('goes-home', 'a long password')
  expect(await ends('goes-home')).toBeLessThan(12.01)
  expect(await ends(username)).toBeGreaterThan(24 * 29)
})

test('only use by a person keeps a session alive, not a page that polls by itself', async () => {
  const support = await member('leaves-a-tab', 'support')
  const seen = async () => {
    const [row] = await system.sql<{ seen_at: Date | null }>(
      "select seen_at from sessions s join users u on u.id = s.user_id where username = 'leaves-a-tab'",
    )
    return row?.seen_at
  }
  for (let time = 0; time < 5; time += 1) {
    await support.call('GET', '/api/admin/me', undefined, { 'x-unattended': '1' })
  }
  expect(await seen()).toBeNull()
  await support.call('GET', '/api/admin/me')
  await until(seen, (at) => at !== null)
})

test('members of a role that requires a second factor set it up before anything else', async () => {
  await prove(owner, { password: 'admin123456' })
  const require = (factorRoles: string[]) =>
    owner.call('PUT', '/api/admin/security-settings', { refundLimit: '1000.00', factorRoles })
  // An owner cannot require what would lock out the owner.
  expect(await require(['owner'])).toMatchObject({ status: 409, body: { code: 'SECOND_FACTOR_MISSING' } })
  const editor = await member('needs-a-phone', 'editor')
  expect((await editor.call('GET', '/api/admin/courses')).status).toBe(200)
  expect((await require(['editor'])).status).toBe(200)
  expect((await editor.call<{ factorDue: boolean }>('GET', '/api/me')).body.factorDue).toBe(true)
  for (const path of ['/api/admin/me', '/api/admin/courses', '/api/orders', '/api/me/courses']) {
    expect(await editor.call('GET', path)).toMatchObject({ status: 403, body: { code: 'SECOND_FACTOR_DUE' } })
  }
  expect((await system.buyer().then((buyer) => buyer.call('GET', '/api/orders'))).status).toBe(200)

  const path = '/api/admin/profile/second-factor'
  await stale('needs-a-phone')
  expect((await prove(editor, { password: 'a long password' })).status).toBe(200)
  const { secret } = (await editor.call<{ secret: string }>('POST', path)).body
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
  expect((await editor.call('POST', `${path}/confirm`, { code })).status).toBe(200)
  expect((await editor.call('GET', '/api/admin/courses')).status).toBe(200)
  expect((await editor.call('POST', `${path}/off`)).status).toBe(204)
  expect((await editor.call('GET', '/api/admin/courses')).status).toBe(403)
  expect((await require([])).status).toBe(200)
  expect((await editor.call('GET', '/api/admin/courses')).status).toBe(200)
})

interface News {
  readonly count: number
  readonly items: { id: number; username: string; action: string }[]
}

test('every other owner is notified until they acknowledge it, as the log shows', async () => {
  const other = await member('other-owner', 'owner')
  const news = async (api: ShopApi) => (await api.call<News>('GET', '/api/admin/security-news')).body
  expect(await news(other)).toEqual({ count: 0, items: [] }) // earlier events are only in the log
  await prove(owner, { password: 'admin123456' })
  for (const name of ['told-1', 'told-2']) {
    await owner.call('POST', '/api/admin/staff', { username: name, displayName: name, role: 'support' })
  }
  const told = await news(other)
  expect(told).toMatchObject({ count: 2, items: [{ username: 'admin', action: 'staff.create' }, {}] })
  const own = await news(owner)
  expect(own.items.some(({ username }) => username === 'admin')).toBe(false)
  const log = await other.call<{ items: { action: string }[] }>('GET', '/api/admin/audit?only=sensitive')
  expect(log.body.items.slice(0, 2).map(({ action }) => action)).toEqual(['staff.create', 'staff.create'])

  const [, older] = told.items
  expect((await other.call('POST', '/api/admin/security-news/seen', { upTo: older?.id })).status).toBe(204)
  expect((await news(other)).count).toBe(1)
  // Later events cannot be acknowledged in advance.
  expect((await other.call('POST', '/api/admin/security-news/seen', { upTo: 2 ** 50 })).status).toBe(204)
  expect((await news(other)).count).toBe(0)
  await prove(owner, { password: 'admin123456' })
  await owner.call('POST', '/api/admin/staff', { username: 'told-3', displayName: 'told-3', role: 'support' })
  expect((await news(other)).count).toBe(1)
})
