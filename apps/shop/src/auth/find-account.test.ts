/** Existing accounts get folded login names, and all of them can still log in, also where two names fold to one. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OlderDatabase, startTestDatabase, type TestDatabase } from '../../../../tests/harness/database.ts'
import { migrate } from '../db/migrate.ts'
import { findAccount } from './find-account.ts'

let database: TestDatabase
let shop: OlderDatabase

const query = async (text: string, values: unknown[] = []) => (await shop.pool.query(text, values)).rows
const addUser = async (username: string): Promise<number> =>
  (
    await query(
      `insert into users (username, display_name, password_hash) values ($1, 'x', 'none') returning id::int`,
      [username],
    )
  )[0]?.id

beforeAll(async () => {
  database = await startTestDatabase()
  shop = await database.older('0036')
}, 60_000)

afterAll(async () => {
  await database.stop()
}, 60_000)

test('accounts from before login names were folded', async () => {
  const wide = await addUser('ａｄｍｉｎ')
  const admin = await addUser('Admin')
  const street = await addUser('Straße')
  const other = await addUser('STRASSE')
  const dotted = await addUser('vİc')
  const mixed = await addUser('аdmin')
  await query(
    'insert into users (username, display_name, password_hash) select $1 || n, $2, $2 from generate_series(1, 12000) n',
    ['学生', 'x'],
  )
  await migrate(shop.url)

  const lookUp = async (...names: string[]) => {
    const found = []
    for (const name of names) found.push(await findAccount(shop.db, name))
    return found
  }
  // The plain name keeps the folded form, though it came later; the other account is found by its original name.
  expect(await lookUp('admin', 'ADMIN', 'Admin', 'ａｄｍｉｎ')).toEqual([admin, admin, admin, wide])
  expect(await lookUp('strasse', 'STRASSE', 'Straße')).toEqual([other, other, street])
  expect(await lookUp('vic', 'vİc', 'VİC')).toEqual([undefined, dotted, dotted])
  expect(await lookUp('аdmin', 'АDMIN', 'nobody', '学生12000')).toEqual([
    mixed,
    mixed,
    undefined,
    (await query(`select id::int from users where username = '学生12000'`))[0]?.id,
  ])
})

test('a node of the last version adds accounts during the migration', async () => {
  const added = await addUser('Neue.Person')
  expect(await findAccount(shop.db, 'neue.person')).toBe(added)
  await expect(addUser('NEUE.person')).rejects.toThrow(/unique/)
})
