/** One name is one account and one count of guesses, however it is written; names that are refused. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { RunningSystem } from '../harness/system.ts'

let system: RunningSystem

beforeAll(async () => {
  system = await borrowShop()
})

afterAll(() => system.stop())

interface Problem {
  readonly code: string
  readonly errors?: { field: string; message: string }[]
}

const password = 'a long password'
const register = (username: string, displayName?: string, language = 'en') =>
  system
    .client()
    .call<Problem & { user: { username: string } }>(
      'POST',
      '/api/users',
      { username, password, displayName },
      { 'accept-language': language },
    )
const wide = (name: string) => name.replace(/[a-z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0))

test('names that look like another account’s are refused', async () => {
  for (const username of ['ａｄｍｉｎ', 'ADMIN', 'ａdmin']) {
    expect((await register(username)).body.code).toBe('USERNAME_TAKEN')
  }
  for (const username of ['аdmin', 'асе', 'vİctoria', 'ɑdmin', '\u3164\u3164\u3164']) {
    expect((await register(username)).body).toMatchObject({ status: 422 })
  }
  expect((await register('аdmin')).body.code).toBe('USERNAME_UNFIT')
})

test('names that sound like the shop itself cannot be registered, whether an account has them or not', async () => {
  for (const username of ['webmaster', 'Ｗｅｂｍａｓｔｅｒ', 'PostMaster', '官方客服', '管理员']) {
    expect([username, (await register(username)).body.code]).toEqual([username, 'USERNAME_TAKEN'])
  }
  const [found] = await system.sql<{ count: number }>(
    "select count(*)::int from users where login_name in ('webmaster', 'postmaster', '官方客服', '管理员')",
  )
  expect(found?.count).toBe(0)
})

test('every form of a name belongs to one account, and guesses at all forms count together', async () => {
  const name = `vic${randomUUID().slice(0, 8)}`
  expect((await register(wide(name))).body.user.username).toBe(name)
  expect((await register(name.toUpperCase())).body.code).toBe('USERNAME_TAKEN')
  const login = (username: string, tried = password) =>
    system.client().call<Problem>('POST', '/api/session', { username, password: tried })
  for (const form of [name, name.toUpperCase(), wide(name), ` ${name} `]) expect((await login(form)).status).toBe(200)
  expect((await login(name.replace('i', 'İ'))).body.code).toBe('BAD_CREDENTIALS')

  const forms = [name, name.toUpperCase(), wide(name)]
  const guesses = []
  for (let n = 0; n < 24; n += 1) guesses.push((await login(forms[n % 3] ?? name, 'not this one')).status)
  expect(guesses.filter((status) => status === 401).length).toBeLessThanOrEqual(10)
  expect(guesses.at(-1)).toBe(429)
})

test.each(['a\u202eb', 'two\nlines', '\u200b', '\u3164', 'a\u2066b'])(
  '%j is refused as a display name',
  async (displayName) => {
    const chinese = await register(`n${randomUUID().slice(0, 8)}`, displayName, 'zh-CN')
    expect([chinese.status, chinese.body.errors?.[0]?.field]).toEqual([422, 'displayName'])
    expect(chinese.body.errors?.[0]?.message).toMatch(/一行可见文字/)
    const owner = system.client()
    await owner.login('admin', 'admin123456')
    const staff = { username: `s${randomUUID().slice(0, 8)}`, displayName, role: 'editor' }
    expect((await owner.call('POST', '/api/admin/staff', staff)).status).toBe(422)
    const teacher = { name: displayName, title: '讲师', bio: '' }
    expect((await owner.call('POST', '/api/admin/teachers', teacher)).status).toBe(422)
  },
)

test('staff find a buyer by any form of the name', async () => {
  const name = `find${randomUUID().slice(0, 8)}`
  await register(name)
  const owner = system.client()
  await owner.login('admin', 'admin123456')
  for (const q of [name, name.toUpperCase(), wide(name), name.slice(0, 9)]) {
    const { body } = await owner.call<{ items: { username: string }[] }>(
      'GET',
      `/api/admin/buyers?q=${encodeURIComponent(q)}`,
    )
    expect(body.items.map(({ username }) => username)).toContain(name)
  }
})
