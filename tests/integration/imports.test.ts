/** Students by CSV: the preview, in every encoding; an import that is killed halfway; passwords that are shown once. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { processesOf } from '../harness/processes.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

interface Import {
  readonly id: number
  readonly status: string
  readonly problems: readonly { line: number; column: string; code: string; value: string }[]
  readonly rows: number
  readonly wouldMake: { accounts: number; grants: number; alreadyThere: number }
  readonly done: { rows: number; accounts: number; grants: number; failed: number }
  readonly actions: readonly string[]
}

let system: System
let owner: ShopApi
let title: string

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
  const [course] = await system.sql<{ title: string }>('select title from courses where id = 1')
  title = course?.title ?? ''
})
afterAll(() => system.stop())

const upload = async (file: string | Buffer, headers?: Record<string, string>) => {
  const body = { fileName: '学员.csv', file: Buffer.from(file).toString('base64') }
  const answer = await owner.call<Import>('POST', '/api/admin/imports', body, headers)
  expect(answer.status).toBe(201)
  return answer.body
}
const look = async (id: number) => (await owner.call<Import>('GET', `/api/admin/imports/${id}`)).body
const post = (id: number, what: string, api = owner) => api.call<string>('POST', `/api/admin/imports/${id}/${what}`)
const ended = (id: number) =>
  until(
    () => look(id),
    ({ status }) => status === 'done',
    180_000,
  )
const told = ({ problems }: Import) => problems.map(({ line, column, code }) => `${line} ${column} ${code}`)
const people = (name: string, count: number) =>
  `username,course\n${Array.from({ length: count }, (_, place) => `${name}${place},1`).join('\n')}`

test('the preview names each problem by row and column, and a file with problems cannot be imported', async () => {
  const examined = await upload(
    `用户名,昵称,课程\nab,甲,1\ngood-one,${'x'.repeat(65)},没有这门课\nadmin,店主,1\n\ngood-two,乙,"${title}"\n`,
  )
  expect(told(examined)).toEqual([
    '2 username BAD_USERNAME',
    '3 displayName BAD_NAME',
    '3 course NO_COURSE',
    '4 username IS_STAFF',
  ])
  expect(examined.actions).toEqual(['cancel'])
  expect((await post(examined.id, 'start')).status).toBe(409)
  expect(told(await upload('name,course\nsomebody,1'))).toEqual(['1 file NO_COLUMNS'])
  expect(told(await upload('username,course\n'))).toEqual(['1 file NO_ROWS'])
  expect(told(await upload('username,course\n"open,1\n'))[0]).toMatch(/file NOT_CSV$/)
  expect(told(await upload(Buffer.from([0xff, 0xff, 0x00, 0x80])))).toEqual(['1 file NOT_TEXT'])
  expect(told(await upload(people('many', 20_001)))).toEqual(['20002 file TOO_MANY_ROWS'])
})

test('a name means the account that logs in with it, also if it is older than the folding of names', async () => {
  for (const name of ['anna-old', 'anna-older']) await system.client().register(name)
  // The result of migration 0037 for two accounts whose names fold to the same.
  await system.sql(`update users set username = 'Ａnna-old', login_name = 'Ａnna-old' where username = 'anna-older'`)
  const { id, wouldMake } = await upload('username,course\nＡnna-old,1\nANNA-OLD,2')
  expect(wouldMake).toEqual({ accounts: 0, grants: 2, alreadyThere: 0 })
  await post(id, 'start')
  expect((await ended(id)).done).toEqual({ rows: 2, accounts: 0, grants: 2, failed: 0 })
  expect(
    await system.sql(
      'select username, course_id from enrolments join users on users.id = user_id where import_id = $1 order by 2',
      [id],
    ),
  ).toMatchObject([{ username: 'Ａnna-old' }, { username: 'anna-old' }])
})

test('UTF-8 with a byte order mark and Excel’s GB18030 are decoded correctly', async () => {
  const marked = await upload(`\ufeffusername,course\nmarked-one,"${title}"`)
  expect(marked.wouldMake).toEqual({ accounts: 1, grants: 1, alreadyThere: 0 })
  const chinese = Buffer.concat([
    // "用户名,课程" as GB18030
    Buffer.from([0xd3, 0xc3, 0xbb, 0xa7, 0xc3, 0xfb, 0x2c, 0xbf, 0xce, 0xb3, 0xcc]),
    Buffer.from('\r\nexcel-one,1\r\n'),
  ])
  const excel = await upload(chinese)
  expect(excel.problems).toEqual([])
  expect(excel.wouldMake).toEqual({ accounts: 1, grants: 1, alreadyThere: 0 })
})

test('a killed import continues without repeating anything; the same file again changes nothing; passwords are shown once', async () => {
  const file = `${people('pupil', 150)}\nPUPIL0,2\nPUPIL0,2`
  const key = { 'idempotency-key': 'one-upload' }
  const { id, wouldMake } = await upload(file, key)
  expect((await upload(file, key)).id).toBe(id)
  expect(wouldMake).toEqual({ accounts: 150, grants: 151, alreadyThere: 1 })
  expect((await post(id, 'start')).status).toBe(200)
  expect((await post(id, 'start')).status).toBe(409)
  expect((await post(id, 'passwords')).status).toBe(409)
  await until(
    () => look(id),
    ({ done }) => done.rows > 0,
  )
  for (const pid of processesOf(system.process.pid ?? 0).jobs) process.kill(pid, 'SIGKILL')
  const halfway = await look(id)
  expect(halfway.done.rows).toBeLessThan(152)
  expect((await ended(id)).done).toEqual({ rows: 152, accounts: 150, grants: 151, failed: 0 })
  const [sums] = await system.sql(
    `select (select count(*)::int from users where username like 'pupil%') as users,
      (select count(*)::int from enrolments where import_id = $1) as grants`,
    [id],
  )
  expect(sums).toEqual({ users: 150, grants: 151 })

  const other = system.client()
  await other.register('another-helper')
  await system.sql(`update users set role = 'support' where username = 'another-helper'`)
  expect((await post(id, 'passwords', other)).status).toBe(409)
  const passwords = await post(id, 'passwords')
  const lines = passwords.body.replace('\ufeff', '').trim().split('\r\n')
  expect(lines).toHaveLength(151)
  const [name = '', , password = ''] = lines[1]?.split(',').map((cell) => cell.slice(1, -1)) ?? []
  const pupil = system.client()
  await pupil.login(name, password)
  const before = await pupil.call<{ code: string }>('GET', '/api/me/courses')
  expect([before.status, before.body.code]).toEqual([403, 'PASSWORD_DUE'])
  const own = { current: password, password: 'a-password-of-my-own' }
  expect((await pupil.call('POST', '/api/me/password', own)).status).toBe(204)
  expect(await pupil.ownedIds()).toEqual([1, 2])
  expect((await post(id, 'passwords')).status).toBe(409)
  expect(await system.sql('select 1 from import_rows where sealed_password is not null')).toEqual([])
  const kept = await system.sql<{ text: string }>(
    `select string_agg(a::text, '') || (select coalesce(string_agg(k::text, ''), '') from idempotency_keys k) as text from audit_log a`,
  )
  expect(kept[0]?.text).toContain('students.passwords')
  expect(kept[0]?.text).not.toContain(password)
  expect(system.output()).not.toContain(password)

  const again = await upload(file)
  expect(again.wouldMake).toEqual({ accounts: 0, grants: 0, alreadyThere: 152 })
  await post(again.id, 'start')
  expect((await ended(again.id)).done).toEqual({ rows: 152, accounts: 0, grants: 0, failed: 0 })
  await pupil.login(name, own.password)

  const result = await owner.call<string>('GET', `/api/admin/imports/${id}/result.csv`)
  expect(result.body.split('\r\n')[1]).toBe(`"2","pupil0","pupil0","${title}","新建 made","已开通 granted",""`)
  expect(result.body).not.toContain(password)
})

test('a running import stops where it is cancelled: accounts made so far stay, and no more are made', async () => {
  const { id } = await upload(people('stopped', 400))
  await post(id, 'start')
  await until(
    () => look(id),
    ({ done }) => done.rows > 0,
  )
  expect((await post(id, 'cancel')).status).toBe(200)
  const { status, done } = await look(id)
  expect(status).toBe('cancelled')
  expect(done.rows).toBeLessThan(400)
  expect((await post(id, 'start')).status).toBe(409)
  expect((await look(id)).done).toEqual(done)
})
