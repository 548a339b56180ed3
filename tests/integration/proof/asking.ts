/** When a proof is required, and how it is given. */
import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { member, owner, prove, stale, system } from './rig.ts'

test('a proof older than ten minutes is required again, and is renewed by the password', async () => {
  const add = (username: string) =>
    owner.call<{ code?: string; detail?: string }>('POST', '/api/admin/staff', {
      ...{ username, displayName: username, role: 'editor' },
    })
  expect((await add('first-editor')).status).toBe(201) // the login counts as a proof
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

test('a proof belongs to one session, and requires a login', async () => {
  const elsewhere = system.client()
  await elsewhere.login('admin', 'admin123456')
  elsewhere.password = undefined
  await stale('admin')
  expect((await prove(elsewhere, { password: 'admin123456' })).status).toBe(200)
  const change = { refundLimit: '900.00', factorRoles: [] }
  expect((await elsewhere.call('PUT', '/api/admin/security-settings', change)).status).toBe(200)
  expect((await owner.call('PUT', '/api/admin/security-settings', change)).status).toBe(403)
  expect((await prove(system.client(), { password: 'admin123456' })).status).toBe(401)
  // A page of another site cannot give a proof with the cookie.
  const cookie = { cookie: `xuecheng_session=${elsewhere.token}`, origin: 'http://evil.example' }
  const forged = await system.client().call('POST', '/api/session/proof', { password: 'admin123456' }, cookie)
  expect(forged).toMatchObject({ status: 403, body: { code: 'FORBIDDEN_ORIGIN' } })
})

test('an action begun as one account is not carried out as another that has logged in since in the same browser', async () => {
  const [one, other] = [await system.buyer(), await system.buyer()]
  const { id } = (await one.call<{ id: number }>('GET', '/api/me')).body
  const meant = { 'x-account': String(id) }
  expect((await one.call('GET', '/api/me', undefined, meant)).status).toBe(200)
  expect(await other.call('GET', '/api/me', undefined, meant)).toMatchObject({ body: { code: 'LOGIN_REQUIRED' } })
  const { body } = await other.call('GET', '/api/orders', undefined, { 'x-account': 'x' })
  expect(body).toMatchObject({ code: 'LOGIN_REQUIRED' })
})

test('an account with a second factor proves with both, each code once; guesses are limited', async () => {
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

test('payment keys are checked without a proof, but stored, removed and forgotten only with one', async () => {
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
