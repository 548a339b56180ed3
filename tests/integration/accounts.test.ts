/** Registration and passwords: which passwords are accepted, one-time passwords, and the proof of work for many registrations. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Challenge, solved } from '../harness/proof.ts'
import { createShopApi, type ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem } from '../harness/system.ts'

let system: System
let owner: ShopApi

beforeAll(async () => {
  system = await startSystem({ environment: { TRUST_PROXY: '1', DEMO: 'on' } })
  owner = system.client()
  await owner.login('admin', 'admin123456')
})

afterAll(() => system.stop())

interface Body {
  readonly code?: string
  readonly token?: string
  readonly user?: { passwordDue: boolean }
}

const newName = () => `a${randomUUID().slice(0, 12)}`
/** A client that ignores the proof of work. */
const plain = () => createShopApi(system.shopUrl, false)
const from = (address: string) => ({ 'x-forwarded-for': address })
const login = (username: string, password: string) =>
  system.client().call<Body>('POST', '/api/session', { username, password })
const change = (token: string | undefined, body: object) =>
  system.client().call<Body>('POST', '/api/me/password', body, { authorization: `Bearer ${token}` })

test('a password that is among the first guesses is refused, at registration and at a change, in either language', async () => {
  const username = newName()
  for (const password of ['12345678', 'password1', username]) {
    const { status, body } = await system.client().call<Body>('POST', '/api/users', { username, password })
    expect([status, body.code]).toEqual([422, 'WEAK_PASSWORD'])
  }
  const tooLong = { username, password: 'long enough '.repeat(20) }
  expect((await system.client().call<Body>('POST', '/api/users', tooLong)).body.code).toBe('INVALID_INPUT')
  const made = await system.client().call<Body>('POST', '/api/users', { username, password: 'a long password' })
  expect(made.status).toBe(201)
  const weak = await change(made.body.token, { current: 'a long password', password: '87654321' })
  expect(weak.body.code).toBe('WEAK_PASSWORD')
  expect((await change(made.body.token, { password: 'another password' })).body.code).toBe('CURRENT_PASSWORD_NEEDED')
})

test('a one-time password is not required twice in a row, is valid for seven days, and then is refused as expired', async () => {
  const username = newName()
  const staff = { username, displayName: 'New', role: 'editor' }
  const { body } = await owner.call<{ member: { id: number }; password: string }>('POST', '/api/admin/staff', staff)
  const days = async () =>
    (
      await system.sql<{ days: number }>(
        `select extract(epoch from password_expires_at - now()) / 86400 as days from users where username = $1`,
        [username],
      )
    )[0]?.days
  expect(Number(await days())).toBeCloseTo(7, 1)

  await system.sql(`update users set password_expires_at = now() - interval '1 minute' where username = $1`, [username])
  const late = await login(username, body.password)
  expect([late.status, late.body.code]).toEqual([403, 'PASSWORD_EXPIRED'])
  expect((await login(username, 'not this one')).body.code).toBe('BAD_CREDENTIALS')

  const path = `/api/admin/staff/${body.member.id}/password`
  const again = await owner.call<{ password: string }>('POST', path, { reason: '过期' })
  const first = await login(username, again.body.password)
  expect(first.body.user?.passwordDue).toBe(true)
  expect((await change(first.body.token, { password: again.body.password })).body.code).toBe('SAME_PASSWORD')
  const old = `update sessions set created_at = now() - interval '31 minutes' where user_id = $1`
  await system.sql(old, [body.member.id])
  expect((await change(first.body.token, { password: 'my own password' })).body.code).toBe('CURRENT_PASSWORD_NEEDED')
  const fresh = await login(username, again.body.password)
  expect((await change(fresh.body.token, { password: 'my own password' })).status).toBe(204)
  expect(await days()).toBe(null)
  expect((await login(username, 'my own password')).body.user?.passwordDue).toBe(false)
})

test('after five registrations from one address each further one needs a proof of work, valid once and for that address only', async () => {
  const at = from('203.0.113.9')
  const register = (proof?: object, headers = at) =>
    plain().call<Body>('POST', '/api/users', { username: newName(), password: 'a long password', proof }, headers)
  const challenge = async () =>
    (await plain().call<Challenge>('GET', '/api/proof-of-work?for=registration', undefined, at)).body

  for (let n = 0; n < 5; n += 1) expect((await register()).status).toBe(201)
  const sixth = await register()
  expect([sixth.status, sixth.body.code]).toEqual([428, 'PROOF_OF_WORK_REQUIRED'])
  // Other addresses need none.
  expect((await register(undefined, from('203.0.113.10'))).status).toBe(201)

  const proof = solved(await challenge())
  const twice = await Promise.all([register(proof), register(proof)])
  expect(twice.map(({ status }) => status).sort()).toEqual([201, 428])
  const other = solved(await challenge())
  const later = other.salt.replace(/expires=\d+/, 'expires=4102444800')
  for (const bad of [
    { ...other, number: other.number + 1 },
    { ...other, salt: later },
    { ...other, signature: '0'.repeat(64) },
    { ...other, challenge: proof.challenge },
  ]) {
    expect((await register(bad)).body.code).toBe('PROOF_OF_WORK_REQUIRED')
  }
  expect((await register(other)).status).toBe(201)

  // Expired counts are deleted; the others stay.
  await system.sql("update spent_proofs set expires_at = now() - interval '1 second'")
  await system.sql(
    "update proof_counts set window_ends_at = now() - interval '1 second' where key like '%203.0.113.9%'",
  )
  await system.sql("select graphile_worker.add_job('forget-what-ended')")
  await expect
    .poll(() =>
      system.sql(
        "select key from proof_counts where key like '%203.0.113.9%' union all select challenge from spent_proofs",
      ),
    )
    .toEqual([])
  expect(await system.sql("select 1 from proof_counts where key like '%203.0.113.10%'")).toHaveLength(1)
})

test('the addresses of one IPv6 network count as one', async () => {
  const register = (n: number) =>
    plain().call<Body>(
      'POST',
      '/api/users',
      { username: newName(), password: 'a long password' },
      from(`2001:db8:7:7::${n}`),
    )
  const codes = []
  for (let n = 1; n <= 6; n += 1) codes.push((await register(n)).status)
  expect(codes).toEqual([201, 201, 201, 201, 201, 428])
})
