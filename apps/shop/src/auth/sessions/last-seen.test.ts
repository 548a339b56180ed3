/** The last use of a session is written at most once a minute, by the process that sees it first. */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../../tests/harness/database.ts'
import { register } from '../../accounts/register.ts'
import { keepLastSeen } from './last-seen.ts'

let connection: TestDatabase

beforeAll(async () => {
  connection = await startTestDatabase(1) // one connection, so that queries are answered in order
}, 60_000)

afterAll(async () => {
  await connection.stop()
})

test('at most once a minute, by any process', async () => {
  const { db } = connection
  const user = await register(db, { username: 'seen', password: 'a long password', role: 'support' })
  const id = randomUUID()
  const at = (seconds: number) => new Date(Date.UTC(2026, 10, 23, 10, 0, seconds))
  await db
    .insertInto('sessions')
    .values({ id, user_id: user.id, created_at: at(0), expires_at: at(600) })
    .execute()
  let now = at(0)
  const process = () => keepLastSeen(db, () => now, pino({ level: 'silent' }))
  const [one, other] = [process(), process()]
  const seenBy = async (saw: (sessionId: string) => void, seconds: number) => {
    now = at(seconds)
    saw(id)
    return (await db.selectFrom('sessions').select('seen_at').where('id', '=', id).executeTakeFirstOrThrow()).seen_at
  }
  expect(await seenBy(one, 1)).toEqual(at(1))
  expect(await seenBy(one, 60)).toEqual(at(1))
  expect(await seenBy(other, 60)).toEqual(at(1))
  expect(await seenBy(one, 62)).toEqual(at(62))
  expect(await seenBy(other, 121)).toEqual(at(62))
  expect(await seenBy(other, 300)).toEqual(at(300))
})
