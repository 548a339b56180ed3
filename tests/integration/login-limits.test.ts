/** Limits on password guesses: they lock out no account owner and allow few guesses. Over HTTP, from many addresses. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem } from '../harness/system.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const PASSWORD = 'a long password'

let system: System

beforeAll(async () => {
  system = await startSystem({ environment: { TRUST_PROXY: '1' } })
})

afterAll(() => system.stop())

interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly token?: string
}

/** A client at an address, with its cookies. */
function visitor(address: string) {
  let cookie = ''
  let token: string | undefined
  return {
    async post(path: string, body: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(system.shopUrl + path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-forwarded-for': address,
          ...(cookie && { cookie }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify(body),
      })
      // Only the device's cookie: a session cookie would be checked first.
      for (const set of response.headers.getSetCookie()) {
        const [pair = ''] = set.split(';')
        if (pair.startsWith('xuecheng_device=')) cookie = pair
      }
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : {}) as Problem }
    },
    async login(username: string, password: string, code?: string) {
      const answer = await this.post('/api/session', { username, password, ...(code && { code }) })
      if (answer.body.token) token = answer.body.token
      return answer
    },
    /** Like a person: if the shop is busy, retries after the time that it states. */
    async loginPatiently(username: string, password: string) {
      for (;;) {
        const answer = await this.login(username, password)
        if (answer.status !== 503) return answer
        expect(answer.body.code).toBe('OVERLOADED')
        await setTimeout(Number(answer.headers.get('retry-after')) * 1000)
      }
    },
    leave() {
      token = undefined
    },
  }
}

const address = (n: number) => `198.51.${100 + Math.floor(n / 250)}.${(n % 250) + 1}`
let places = 0
/** An address that no other test uses. */
const elsewhere = () => {
  places += 1
  return `203.0.${Math.floor(places / 250)}.${(places % 250) + 1}`
}

async function account(role = 'buyer') {
  const username = `lim-${randomUUID().slice(0, 10)}`
  const home = visitor(elsewhere())
  const made = await home.post('/api/users', { username, password: PASSWORD })
  if (made.status !== 201) throw new Error(`register: ${made.status} ${JSON.stringify(made.body)}`)
  if (role !== 'buyer') await system.sql('update users set role = $1 where username = $2', [role, username])
  return { username, home }
}

/** Wrong passwords until the account accepts no more from new devices. @returns how many were checked */
async function guess(username: string, from: readonly string[], times: number): Promise<number> {
  let tried = 0
  for (let n = 0; n < times; n += 1) {
    const { status, body } = await visitor(from[n % from.length] ?? '').login(username, `wrong ${n}`)
    expect(['401 BAD_CREDENTIALS', '429 TOO_MANY_ATTEMPTS']).toContain(`${status} ${body.code}`)
    if (status === 401) tried += 1
  }
  return tried
}

test('after forty wrong passwords from six addresses the owner still logs in from a known device and changes the password', async () => {
  const { username, home } = await account()
  expect((await home.login(username, PASSWORD)).status).toBe(200)
  const tried = await guess(username, Array.from({ length: 6 }, elsewhere), 40)
  expect(tried).toBeLessThan(10)
  expect((await home.login(username, PASSWORD)).status).toBe(200)
  const changed = await home.post('/api/me/password', { current: PASSWORD, password: 'a better password' })
  expect(changed.status).toBe(204)

  // Another device has to wait; the answer says how long, in both languages.
  const late = await visitor(elsewhere()).login(username, 'a better password')
  expect(late).toMatchObject({ status: 429, body: { code: 'TOO_MANY_ATTEMPTS' } })
  const seconds = Number(late.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(30 * 60)
  expect(seconds).toBeLessThanOrEqual(3600)
  expect(late.body.detail).toContain(`${Math.ceil(seconds / 60)} 分钟`)
  const english = await visitor(elsewhere()).post(
    '/api/session',
    { username, password: 'x' },
    { 'accept-language': 'en' },
  )
  expect(english.body.detail).toMatch(/ try again in \d+ minutes\./)
})

test('a new password makes every other device unknown', async () => {
  const { username, home } = await account()
  const other = visitor(elsewhere())
  for (const device of [home, other]) expect((await device.login(username, PASSWORD)).status).toBe(200)
  expect((await home.post('/api/me/password', { current: PASSWORD, password: 'another one of mine' })).status).toBe(204)
  await guess(username, Array.from({ length: 12 }, elsewhere), 12)
  expect((await other.login(username, 'another one of mine')).status).toBe(429)
})

test('a hundred failures from one address delay nobody else behind it', async () => {
  const behind = elsewhere()
  const names = Array.from({ length: 25 }, () => `nobody-${randomUUID().slice(0, 8)}`)
  for (let n = 0; n < 100; n += 1) await visitor(behind).login(names[n % 25] ?? '', `wrong ${n}`)
  const { username } = await account()
  expect((await visitor(behind).login(username, PASSWORD)).status).toBe(200)
})

test('a class of forty behind one address logs in at once, with forty accounts and with one', async () => {
  const behind = elsewhere()
  const hash = (await account()).username
  await system.sql(
    `insert into users (username, display_name, password_hash)
     select $1 || n, 'class', (select password_hash from users where username = $2) from generate_series(1, 40) n`,
    [`${hash}-c`, hash],
  )
  const each = await Promise.all(
    Array.from({ length: 40 }, (_, n) => visitor(behind).loginPatiently(`${hash}-c${n + 1}`, PASSWORD)),
  )
  expect(each.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200))
  const same = await Promise.all(Array.from({ length: 40 }, () => visitor(behind).loginPatiently(hash, PASSWORD)))
  expect(same.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200))
})

test('a burst of simultaneous guesses is limited, from one address or from many', async () => {
  const one = await account()
  const behind = elsewhere()
  const burst = await Promise.all(
    Array.from({ length: 60 }, (_, n) => visitor(behind).login(one.username, `wrong ${n}`)),
  )
  expect(burst.filter(({ body }) => body.code === 'BAD_CREDENTIALS').length).toBeLessThanOrEqual(5)
  const many = await account()
  const spread = await Promise.all(
    Array.from({ length: 60 }, (_, n) => visitor(address(n)).login(many.username, `wrong ${n}`)),
  )
  expect(spread.filter(({ body }) => body.code === 'BAD_CREDENTIALS').length).toBeLessThan(10)
  expect((await many.home.login(many.username, PASSWORD)).status).toBe(200)
})

test('after five wrong passwords the wait is thirty seconds and is stated; refused attempts do not prolong it', async () => {
  const { username } = await account()
  const here = elsewhere()
  expect(await guess(username, [here], 15)).toBe(5)
  const refused = await visitor(here).login(username, PASSWORD)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(30)
  expect(refused.body.detail).toMatch(/ \d+ 秒/)
  // Other addresses, and other accounts at this one, are not delayed.
  expect((await visitor(elsewhere()).login(username, PASSWORD)).status).toBe(200)
  const other = await account()
  expect((await visitor(here).login(other.username, PASSWORD)).status).toBe(200)
})

test('a name in other letters is the same account and gives no further guesses', async () => {
  const { username } = await account()
  const spellings = [username, username.toUpperCase(), username.replace('l', 'L'), username.replace('m', 'M')]
  let tried = 0
  for (const name of spellings) tried += await guess(name, Array.from({ length: 5 }, elsewhere), 10)
  expect(tried).toBeLessThan(10)
})

test('past the limit a new device logs in by password and second factor together, and neither alone reveals anything', async () => {
  const { username, home } = await account('support')
  await home.login(username, PASSWORD)
  const begun = await home.post('/api/admin/profile/second-factor', { password: PASSWORD })
  const { secret = '' } = begun.body as { secret?: string }
  const codeAt = (shift: number) =>
    new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + shift * 30_000 })
  const confirmed = await home.post('/api/admin/profile/second-factor/confirm', { code: codeAt(-1) })
  expect(confirmed.status).toBe(200)
  const { recoveryCodes = [] } = confirmed.body as { recoveryCodes?: string[] }
  await guess(username, Array.from({ length: 12 }, elsewhere), 12)

  const answers = [
    await visitor(elsewhere()).login(username, PASSWORD),
    await visitor(elsewhere()).login(username, PASSWORD, '000000'),
    await visitor(elsewhere()).login(username, 'not the password', recoveryCodes[0]),
    await visitor(elsewhere()).login(username, 'not the password', 'AAAA-BBBB-CCCC-DDDD'),
  ]
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
    new Set(['429 TOO_MANY_ATTEMPTS']),
  )
  // The recovery code beside the mistyped password was not used up.
  expect((await visitor(elsewhere()).login(username, PASSWORD, recoveryCodes[0])).status).toBe(200)
  expect((await visitor(elsewhere()).login(username, PASSWORD, recoveryCodes[0])).status).toBe(429)
  expect((await visitor(elsewhere()).login(username, PASSWORD, codeAt(0))).status).toBe(200)
})

test('somebody who knows only the password and tries codes blocks neither a known device nor a recovery code', async () => {
  const { username, home } = await account('support')
  await home.login(username, PASSWORD)
  const begun = await home.post('/api/admin/profile/second-factor', { password: PASSWORD })
  const { secret = '' } = begun.body as { secret?: string }
  const codeAt = (shift: number) =>
    new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + shift * 30_000 })
  const confirmed = await home.post('/api/admin/profile/second-factor/confirm', { code: codeAt(-1) })
  const { recoveryCodes = [] } = confirmed.body as { recoveryCodes?: string[] }
  let tried = 0
  for (let n = 0; n < 20; n += 1) {
    const { body } = await visitor(elsewhere()).login(username, PASSWORD, '000000')
    if (body.code === 'WRONG_CODE') tried += 1
  }
  expect(tried).toBe(9)
  expect((await visitor(elsewhere()).login(username, PASSWORD, codeAt(0))).body.code).toBe('TOO_MANY_ATTEMPTS')
  expect((await home.login(username, PASSWORD, codeAt(0))).status).toBe(200)
  expect((await visitor(elsewhere()).login(username, PASSWORD, recoveryCodes[0])).status).toBe(200)
})

test('past the limit a new device logs in with a code from the command line: once, within ten minutes, audited', async () => {
  const { username } = await account()
  await guess(username, Array.from({ length: 12 }, elsewhere), 12)
  const xuecheng = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [...process.execArgv, join(ROOT, 'apps/shop/src/cli.ts'), ...args], {
      cwd: system.dataDir,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATA_DIR: system.dataDir },
    })
    return JSON.parse(stdout) as { code: string }
  }
  const { code } = await xuecheng('users', 'login-code', username, '--json')
  expect((await visitor(elsewhere()).login(username, 'not the password', code)).status).toBe(429)
  expect((await visitor(elsewhere()).login(username, PASSWORD, code)).status).toBe(200)
  expect((await visitor(elsewhere()).login(username, PASSWORD, code)).status).toBe(429)

  const late = await xuecheng('users', 'login-code', username, '--json')
  await system.sql(`update login_codes set expires_at = now() - interval '1 second'`)
  expect((await visitor(elsewhere()).login(username, PASSWORD, late.code)).status).toBe(429)

  const log = await system.sql(`select * from audit_log where action = 'account.login-code'`)
  expect(log).toMatchObject([{ username: 'xuecheng' }, { username: 'xuecheng' }])
  const kept = await system.sql('select to_jsonb(c)::text as row from login_codes c')
  expect(JSON.stringify([log, kept])).not.toContain(code.replaceAll('-', ''))
  expect(JSON.stringify([log, kept])).not.toContain(code)
})

test('re-entering the password in a session is delayed only by the wrong passwords of that session', async () => {
  const { username, home } = await account()
  await home.login(username, PASSWORD)
  const change = (current: string) => home.post('/api/me/password', { current, password: 'one more password' })
  for (let n = 0; n < 5; n += 1) expect((await change(`wrong ${n}`)).body.code).toBe('WRONG_PASSWORD')
  expect(await change(PASSWORD)).toMatchObject({ status: 429 })
  expect((await home.login(username, PASSWORD)).status).toBe(200)
  expect((await change(PASSWORD)).status).toBe(204)
})

test('what is typed as a name is not stored in plain text', async () => {
  const typed = `S3cret-${randomUUID()}`
  await visitor(elsewhere()).login(typed, 'x')
  const rows = await system.sql('select key from login_failures')
  expect(rows.length).toBeGreaterThan(0)
  expect(JSON.stringify(rows).toLowerCase()).not.toContain(typed.toLowerCase())
})
