/** Codes over the real database with a simulated clock: each works once, in time, and within few tries. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../../tests/harness/database.ts'
import { register } from '../../accounts/register.ts'
import { createEncryption } from '../../encryption.ts'
import { createDevices } from '../known-device.ts'
import { type LoginContext, login } from '../login.ts'
import { changePassword, type SignedIn } from '../passwords/change-password.ts'
import { createSessions } from '../sessions/sessions.ts'
import { beginFactor, confirmFactor, readFactor, takeCode } from './second-factor.ts'

let connection: TestDatabase
let factors: LoginContext

beforeAll(async () => {
  connection = await startTestDatabase(4)
  const devices = createDevices(Buffer.from('a key for devices in a test'))
  factors = { db: connection.db, encryption: createEncryption('a secret of more than thirty-two characters'), devices }
}, 60_000)

afterAll(async () => {
  await connection.stop()
})

/** The start of a time step; `at(30)` is the next one. */
const START = Date.UTC(2026, 10, 23, 10)
const at = (seconds: number) => new Date(START + seconds * 1000)
const codeAt = (secret: string, seconds: number) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at(seconds).getTime() })

let staff: SignedIn
let secret: string
let recovery: string[]
let made = 0

/** A staff member whose second factor was turned on with the code of ten minutes ago. */
beforeEach(async () => {
  made += 1
  const user = await register(factors.db, {
    username: `with-factor-${made}`,
    password: 'a long password',
    role: 'owner',
  })
  staff = { user, sessionId: crypto.randomUUID(), address: '127.0.0.1' }
  secret = await beginFactor(factors, user.id, at(-600))
  recovery = await confirmFactor(factors, staff, codeAt(secret, -600), at(-600))
})

const take = (code: string, now: Date) =>
  takeCode(factors, staff, code, now).then(
    () => 'taken',
    (error: { code: string }) => error.code,
  )

test('a code works once, also for two concurrent requests, and older codes no longer work afterwards', async () => {
  const code = codeAt(secret, 0)
  const both = await Promise.all([take(code, at(1)), take(code, at(1))])
  expect(both.sort()).toEqual(['WRONG_CODE', 'taken'])
  expect(await take(code, at(20))).toBe('WRONG_CODE')
  expect(await take(codeAt(secret, -30), at(2))).toBe('WRONG_CODE')
  expect(await take(codeAt(secret, 30), at(31))).toBe('taken')
})

test('a phone may be half a minute fast or slow, but not more', async () => {
  expect(await take(codeAt(secret, -60), at(0))).toBe('WRONG_CODE')
  expect(await take(codeAt(secret, 60), at(0))).toBe('WRONG_CODE')
  expect(await take(codeAt(secret, -30), at(0))).toBe('taken')
  expect(await take(codeAt(secret, 30), at(0))).toBe('taken')
})

test('the code that turned the second factor on is used up', async () => {
  expect(await take(codeAt(secret, -600), at(-599))).toBe('WRONG_CODE')
})

test('a recovery code works once, however it is typed, and only for its owner', async () => {
  expect(recovery).toHaveLength(10)
  expect(new Set(recovery).size).toBe(10)
  const [first = '', second = ''] = recovery
  expect(await take(` ${first.toLowerCase().replaceAll('-', ' ')}`, at(0))).toBe('taken')
  expect(await take(first, at(1))).toBe('WRONG_CODE')
  expect((await readFactor(factors, staff.user.id)).codesLeft).toBe(9)
  const other = await register(factors.db, { username: `other-${made}`, password: 'a long password', role: 'editor' })
  await expect(takeCode(factors, { user: other, sessionId: crypto.randomUUID() }, second, at(2))).rejects.toMatchObject(
    { code: 'WRONG_CODE' },
  )
})

test('after five wrong codes a session waits, longer each time; other sessions of the account do not', async () => {
  for (let time = 0; time < 5; time += 1) expect(await take('000000', at(time))).toBe('WRONG_CODE')
  expect(await take(codeAt(secret, 0), at(6))).toBe('TOO_MANY_ATTEMPTS')
  expect(await take('000000', at(36))).toBe('WRONG_CODE')
  expect(await take(codeAt(secret, 60), at(90))).toBe('TOO_MANY_ATTEMPTS')
  staff = { ...staff, sessionId: crypto.randomUUID() }
  expect(await take(codeAt(secret, 60), at(90))).toBe('taken')
})

test('the login requires the code after the right password, and makes guessing the password no easier', async () => {
  const { username } = staff.user
  const enter = (password: string, code?: string) =>
    login(factors, { username, password, code, address: '192.0.2.1' }, at(0)).then(
      ({ user }) => user.username,
      (error: { code: string }) => error.code,
    )
  expect(await enter('not the password', codeAt(secret, 0))).toBe('BAD_CREDENTIALS')
  expect(await enter('a long password')).toBe('SECOND_FACTOR_REQUIRED')
  expect(await enter('a long password', '000000')).toBe('WRONG_CODE')
  expect(await enter('a long password', codeAt(secret, 0))).toBe(username)
  expect(await enter('a long password', codeAt(secret, 0))).toBe('WRONG_CODE')
  expect(await enter('a long password', recovery[0])).toBe(username)
})

test('a secret without its first code changes nothing at the login, and a replaced one is invalid', async () => {
  const user = await register(factors.db, {
    username: `setting-up-${made}`,
    password: 'a long password',
    role: 'editor',
  })
  const before = await beginFactor(factors, user.id, at(0))
  const after = await beginFactor(factors, user.id, at(1))
  const credentials = { username: user.username, password: 'a long password', address: '192.0.2.2' }
  expect((await login(factors, credentials, at(2))).user.id).toBe(user.id)
  const confirm = (code: string) => confirmFactor(factors, { ...staff, user }, code, at(3))
  await expect(confirm(codeAt(before, 0))).rejects.toMatchObject({ code: 'WRONG_CODE' })
  await confirm(codeAt(after, 0))
  await expect(beginFactor(factors, user.id, at(4))).rejects.toMatchObject({ code: 'SECOND_FACTOR_ON' })
})

test('guesses of the first code are limited, and a secret expires after a quarter of an hour without it', async () => {
  const user = await register(factors.db, { username: `guessed-${made}`, password: 'a long password', role: 'editor' })
  const begun = await beginFactor(factors, user.id, at(0))
  const confirm = (code: string, now: Date) => confirmFactor(factors, { ...staff, user }, code, now)
  for (let time = 0; time < 5; time += 1)
    await expect(confirm('000000', at(time))).rejects.toMatchObject({ code: 'WRONG_CODE' })
  await expect(confirm(codeAt(begun, 5), at(5))).rejects.toMatchObject({ code: 'TOO_MANY_ATTEMPTS' })
  await expect(confirm(codeAt(begun, 901), at(901))).rejects.toMatchObject({ code: 'SECOND_FACTOR_NOT_BEGUN' })
  const again = await beginFactor(factors, user.id, at(902))
  expect(await confirm(codeAt(again, 903), at(903))).toHaveLength(10)
})

test('a login in progress fails when the password is changed or the second factor turned on meanwhile', async () => {
  const user = await register(factors.db, {
    username: `on-its-way-${made}`,
    password: 'a long password',
    role: 'editor',
  })
  const sessions = createSessions(factors.db, 'a secret of more than thirty-two characters', () => at(0))
  const from = { userAgent: 'test', address: '192.0.2.3' }
  const signedIn = { user, sessionId: crypto.randomUUID(), address: '127.0.0.1' }
  const letIn = async (password: string) =>
    (await login(factors, { username: user.username, password, address: from.address }, at(0))).credentialProof
  const early = await letIn('a long password')
  await changePassword(factors.db, signedIn, { current: 'a long password', password: 'another password' }, () => at(1))
  await expect(sessions.start(early, from)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' })

  // The new session waits for a change that is not committed yet.
  const late = await letIn('another password')
  const waiting = await factors.db.transaction().execute(async (tx) => {
    await tx.updateTable('users').set({ password_hash: 'changed' }).where('id', '=', user.id).execute()
    const started = sessions.start(late, from).then(
      () => 'started',
      (error: { code: string }) => error.code,
    )
    await new Promise((done) => setTimeout(done, 100))
    return { started }
  })
  expect(await waiting.started).toBe('BAD_CREDENTIALS')

  const other = await register(factors.db, { username: `no-code-${made}`, password: 'a long password', role: 'editor' })
  const { credentialProof } = await login(
    factors,
    { username: other.username, password: 'a long password', address: from.address },
    at(0),
  )
  const begun = await beginFactor(factors, other.id, at(0))
  await confirmFactor(factors, { ...signedIn, user: other }, codeAt(begun, 1), at(1))
  await expect(sessions.start(credentialProof, from)).rejects.toMatchObject({ code: 'SECOND_FACTOR_REQUIRED' })
})

test('secrets are stored encrypted, and without the shop’s secret only recovery codes work', async () => {
  const kept = await factors.db.selectFrom('second_factors').selectAll().execute()
  expect(JSON.stringify(kept)).not.toContain(secret)
  const hashes = await factors.db.selectFrom('recovery_codes').select('code_hash').execute()
  expect(JSON.stringify(hashes)).not.toContain(recovery[0]?.replaceAll('-', ''))
  factors = { ...factors, encryption: createEncryption('another secret of more than thirty-two characters') }
  expect(await take(codeAt(secret, 0), at(0))).toBe('WRONG_CODE')
  expect(await take(recovery[1] ?? '', at(1))).toBe('taken')
})
