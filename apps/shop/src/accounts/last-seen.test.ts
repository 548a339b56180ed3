/** When a session was last seen is written at most once in ten minutes, whichever process sees it. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect } from '../database/connect.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../database/embedded.ts'
import { migrate } from '../database/migrate.ts'
import { keepLastSeen } from './last-seen.ts'
import { register } from './register.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-seen-'))
let server: EmbeddedPostgres
let connection: Connection

beforeAll(async () => {
  server = await startEmbeddedPostgres(join(folder, 'postgres'))
  await migrate(server.url)
  connection = connect(server.url, 1) // one connection: what is asked afterwards is answered afterwards
}, 60_000)

afterAll(async () => {
  await connection.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('at most once in ten minutes, by any process', async () => {
  const { db } = connection
  const user = await register(db, { username: 'seen', password: 'a long password', role: 'support' })
  const id = randomUUID()
  const at = (minutes: number) => new Date(Date.UTC(2026, 10, 23, 10, minutes))
  await db
    .insertInto('sessions')
    .values({ id, user_id: user.id, created_at: at(0), expires_at: at(600) })
    .execute()
  let now = at(0)
  const process = () => keepLastSeen(db, () => now, pino({ level: 'silent' }))
  const [one, other] = [process(), process()]
  const seenBy = async (saw: (sessionId: string) => void, minutes: number) => {
    now = at(minutes)
    saw(id)
    return (await db.selectFrom('sessions').select('seen_at').where('id', '=', id).executeTakeFirstOrThrow()).seen_at
  }
  expect(await seenBy(one, 1)).toEqual(at(1))
  expect(await seenBy(one, 10)).toEqual(at(1))
  expect(await seenBy(other, 10)).toEqual(at(1))
  expect(await seenBy(one, 12)).toEqual(at(12))
  expect(await seenBy(other, 21)).toEqual(at(12))
  expect(await seenBy(other, 40)).toEqual(at(40))
})
