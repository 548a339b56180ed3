/** A session alone does not change where the money goes: proofs, their age, refunds above the limit, and how long sessions last. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { paidOrder } from '../browser/desk-world.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let owner: ShopApi

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
  owner.password = undefined // the token is all that it has
}, 300_000)

afterAll(() => system.stop())

const ago = (what: string) => `now() - interval '${what}'`
/** Lets time go by for the sessions of one of the staff. */
const age = (username: string, set: string) =>
  system.sql(`update sessions set ${set} where user_id = (select id from users where username = $1)`, [username])
const stale = (username: string) => age(username, `proved_at = ${ago('11 minutes')}`)
const prove = (api: ShopApi, body: { password: string; code?: string }) =>
  api.call<{ until?: string; code?: string }>('POST', '/api/session/proof', body)

async function member(name: string, role: string): Promise<ShopApi> {
  const api = system.client()
  await api.register(name)
  api.password = undefined
  await system.sql('update users set role = $1 where username = $2', [role, name])
  return api
}

test('a proof is asked for when the last one is older than ten minutes, and renews by the password', async () => {
  const add = (username: string) =>
    owner.call<{ code?: string; detail?: string }>('POST', '/api/admin/staff', {
      ...{ username, displayName: username, role: 'editor' },
    })
  expect((await add('first-editor')).status).toBe(201) // the login was one
  await stale('admin')
  expect((await owner.call<{ until: unknown }>('GET', '/api/session/proof')).body.until).toBeNull()
  const refused = await add('second-editor')
  expect(refused).toMatchObject({ status: 403, body: { code: 'PROOF_REQUIRED' } })
  expect(refused.body.detail).toContain('密码')
  expect(await system.sql("select id from users where username = 'second-editor'")).toEqual([])

  expect(await prove(owner, { password: 'not the password' })).toMatchObject({ body: { code: 'WRONG_PASSWORD' } })
  expect((await add('second-editor')).status).toBe(403)
  const proved = await prove(owner, { password: 'admin123456' })
  expect(proved.status).toBe(200)
  expect(new Date(proved.body.until ?? 0).getTime()).toBeGreaterThan(Date.now() + 8 * 60_000)
  expect((await add('second-editor')).status).toBe(201)
})

test('proofs belong to one session, and nobody proves without being logged in', async () => {
  const elsewhere = system.client()
  await elsewhere.login('admin', 'admin123456')
  elsewhere.password = undefined
  await stale('admin')
  expect((await prove(elsewhere, { password: 'admin123456' })).status).toBe(200)
  const change = { refundLimit: '900.00', factorRoles: [] }
  expect((await elsewhere.call('PUT', '/api/admin/security-settings', change)).status).toBe(200)
  expect((await owner.call('PUT', '/api/admin/security-settings', change)).status).toBe(403)
  expect((await prove(system.client(), { password: 'admin123456' })).status).toBe(401)
  // A page elsewhere cannot prove by the cookie.
  const cookie = { cookie: `xuecheng_session=${elsewhere.token}`, origin: 'http://evil.example' }
  const forged = await system.client().call('POST', '/api/session/proof', { password: 'admin123456' }, cookie)
  expect(forged).toMatchObject({ status: 403, body: { code: 'FORBIDDEN_ORIGIN' } })
})

test('what was begun as one account is not done as another that logged in since, in the same browser', async () => {
  const [one, other] = [await system.buyer(), await system.buyer()]
  const { id } = (await one.call<{ id: number }>('GET', '/api/me')).body
  const meant = { 'x-account': String(id) }
  expect((await one.call('GET', '/api/me', undefined, meant)).status).toBe(200)
  expect(await other.call('GET', '/api/me', undefined, meant)).toMatchObject({ body: { code: 'LOGIN_REQUIRED' } })
  const { body } = await other.call('GET', '/api/orders', undefined, { 'x-account': 'x' })
  expect(body).toMatchObject({ code: 'LOGIN_REQUIRED' })
})

test('who has a second factor proves by both, each code once; guesses are limited', async () => {
  const api = await member('with-a-phone', 'support')
  const path = '/api/admin/profile/second-factor'
  await stale('with-a-phone')
  expect(await api.call('POST', path)).toMatchObject({ status: 403, body: { code: 'PROOF_REQUIRED' } })
  const password = 'a long password'
  expect((await prove(api, { password })).status).toBe(200)
  const { secret } = (await api.call<{ secret: string }>('POST', path)).body
  const codeIn = (seconds: number) =>
    new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + seconds * 1000 })
  const on = codeIn(0)
  const { recoveryCodes } = (await api.call<{ recoveryCodes: string[] }>('POST', `${path}/confirm`, { code: on })).body

  await stale('with-a-phone')
  for (const body of [{}, undefined]) {
    expect(await api.call('POST', `${path}/off`, body)).toMatchObject({ body: { code: 'PROOF_REQUIRED' } })
  }
  expect(await prove(api, { password })).toMatchObject({ status: 401, body: { code: 'SECOND_FACTOR_REQUIRED' } })
  expect(await prove(api, { password, code: on })).toMatchObject({ status: 401, body: { code: 'WRONG_CODE' } })
  expect((await api.call('POST', `${path}/off`)).status).toBe(403)
  expect((await prove(api, { password, code: recoveryCodes[0] ?? '' })).status).toBe(200)
  expect((await api.call('POST', `${path}/recovery-codes`)).status).toBe(200)

  const guesses = []
  for (let time = 0; time < 12; time += 1) guesses.push((await prove(api, { password: 'a guess' })).status)
  expect(guesses.at(-1)).toBe(429)
})

test('payment keys: examined without a proof, stored, removed and forgotten with one only, despite or not', async () => {
  const values = { ALIPAY_APP_ID: '2021000120612450' }
  const path = '/api/admin/payment-settings/alipay'
  await stale('admin')
  const examine = await owner.call<{ code?: string }>('POST', path, { values, onlyCheck: true })
  expect(examine.body.code).toBe('INVALID_INPUT')
  for (const despite of [true, false]) {
    expect(await owner.call('POST', path, { values, despite })).toMatchObject({ body: { code: 'PROOF_REQUIRED' } })
  }
  await prove(owner, { password: 'admin123456' })
  expect(await owner.call('POST', path, { values, despite: true })).toMatchObject({ body: { code: 'INVALID_INPUT' } })
})

test.each([
  ['alipay', 'ALIPAY_GATEWAY', '/gateway.do'],
  ['wechat', 'WECHATPAY_BASE_URL', ''],
])(
  'the gateway of %s is https, loopback aside: anything else is refused at its field, insisting or not',
  async (provider, field, path) => {
    interface Refused {
      readonly errors?: { field: string; message: string }[]
    }
    await prove(owner, { password: 'admin123456' })
    const said = async (address: string) => {
      const body = { values: { [field]: address + path }, despite: true }
      const answer = await owner.call<Refused>('POST', `/api/admin/payment-settings/${provider}`, body)
      expect(answer.status).toBe(422)
      return answer.body.errors?.find((each) => each.field === field)?.message
    }
    for (const bad of [
      'http://openapi.alipay.com',
      'http://127.0.0.1.evil.example',
      'http://127.0.0.1@evil.example',
      'http://localhost:80@evil.example',
      'http://localhost.evil.example',
      'http://192.168.1.5:8100',
      'ftp://openapi.alipay.com',
      'https://user@evil.example',
    ]) {
      expect([bad, await said(bad)]).toEqual([bad, expect.stringContaining('https')])
    }
    for (const good of [
      'https://openapi.alipay.com',
      'http://127.0.0.1:8100',
      'http://[::1]:8100',
      'http://localhost',
    ]) {
      expect([good, await said(good)]).toEqual([good, undefined])
    }
  },
)

test('refunds: small ones go on, a large one or many small ones together take a proof; owners hear of the large', async () => {
  await prove(owner, { password: 'admin123456' })
  const limit = { refundLimit: '50.00', factorRoles: [] }
  expect((await owner.call('PUT', '/api/admin/security-settings', limit)).status).toBe(200)
  const finance = await member('pays-back', 'finance')
  const refund = async (amount: string) => {
    const { orderNo } = await paidOrder(system, [1], '39.00')
    const body = { lines: [{ courseId: 1, amount }], amount, reason: 'because' }
    return { orderNo, ...(await finance.call('POST', `/api/admin/orders/${orderNo}/refunds`, body)) }
  }
  expect((await refund('39.00')).status).toBe(201) // fresh
  await age('pays-back', `proved_at = ${ago('11 minutes')}`)
  await system.sql("update refunds set requested_at = now() - interval '1 hour'")
  expect((await refund('30.00')).status).toBe(201)
  const over = await refund('30.00')
  expect(over).toMatchObject({ status: 403, body: { code: 'PROOF_REQUIRED' } })
  const kept = await system.sql(
    'select 1 from refunds r join orders o on o.id = r.order_id where o.order_no = $1 union all select 1 from audit_log where subject = $2',
    [over.orderNo, `orders/${over.orderNo}`],
  )
  expect(kept).toEqual([])

  // At once: each counts those before it.
  await age('pays-back', `proved_at = ${ago('11 minutes')}`)
  await system.sql("update refunds set requested_at = now() - interval '1 hour'")
  const together = await Promise.all(Array.from({ length: 4 }, () => refund('30.00')))
  expect(together.map(({ status }) => status).sort()).toEqual([201, 403, 403, 403])

  // What a buyer asked for: its approval is a refund as well; declining is none.
  const bought = await paidOrder(system, [1, 2], '88.00')
  const ask = () =>
    bought.buyer.call('POST', `/api/orders/${bought.orderNo}/refunds`, { courseIds: [1, 2], reason: 'because' })
  const asked = async () => {
    expect((await ask()).status).toBe(201)
    const [row] = await system.sql<{ request_no: string }>(
      "select request_no from refunds where status = 'requested' order by id desc limit 1",
    )
    return `/api/admin/refunds/${row?.request_no}`
  }
  const first = await asked()
  expect(await finance.call('POST', `${first}/approve`, {})).toMatchObject({ body: { code: 'PROOF_REQUIRED' } })
  expect((await finance.call('POST', `${first}/decline`, { answer: 'no' })).status).toBe(200)
  const second = await asked()
  await prove(finance, { password: 'a long password' })
  expect((await finance.call('POST', `${second}/approve`, {})).status).toBe(200)
  const lines = await system.sql<{ sensitive: boolean }>('select sensitive from audit_log where subject = $1', [
    second.replace('/api/admin/', ''),
  ])
  expect(lines).toEqual([{ sensitive: true }])
})

test('a session of the staff ends after twelve hours, or two without use; a buyer’s does not', async () => {
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

test('use counts as it comes from a person: a page that asks by itself keeps no session alive', async () => {
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

test('a role that needs a second factor: who has none sets it up before anything else', async () => {
  await prove(owner, { password: 'admin123456' })
  const require = (factorRoles: string[]) =>
    owner.call('PUT', '/api/admin/security-settings', { refundLimit: '1000.00', factorRoles })
  // An owner does not ask of the owners what would lock them out themselves.
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

test('every other owner is told, until they take note; the log shows just that', async () => {
  const other = await member('other-owner', 'owner')
  const news = async (api: ShopApi) => (await api.call<News>('GET', '/api/admin/security-news')).body
  expect(await news(other)).toEqual({ count: 0, items: [] }) // what was before them is in the log
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
  // Nobody takes note of what is still to come.
  expect((await other.call('POST', '/api/admin/security-news/seen', { upTo: 2 ** 50 })).status).toBe(204)
  expect((await news(other)).count).toBe(0)
  await prove(owner, { password: 'admin123456' })
  await owner.call('POST', '/api/admin/staff', { username: 'told-3', displayName: 'told-3', role: 'support' })
  expect((await news(other)).count).toBe(1)
})
