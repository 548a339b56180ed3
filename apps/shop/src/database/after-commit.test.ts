import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { announceAfterCommit } from './after-commit.ts'
import { listenForAnnouncements } from './announcements.ts'
import { brief } from './brief.ts'
import { connect } from './connect.ts'
import { startEmbeddedPostgres } from './embedded.ts'
import { migrate } from './migrate.ts'

test('what is committed is announced, after the commit; what is rolled back is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-announce-'))
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  await migrate(server.url)
  const { db, servers, close } = connect(server.url, 2)
  const announcements = listenForAnnouncements(servers)
  try {
    await sql`create table deeds (name text)`.execute(db)
    await expect.poll(() => announcements.live).toBe(true)
    const heard: [string, number][] = []
    announcements.on('order_changed', async (about) => {
      if (!about) return
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from deeds where name = ${about}`.execute(db)
      heard.push([about, rows[0]?.n ?? 0])
    })
    const deed = (name: string, fails = false) =>
      db.transaction().execute(async (tx) => {
        await announceAfterCommit(tx, 'order_changed', name)
        await sql`insert into deeds values (${name})`.execute(tx)
        if (fails) throw new Error('no')
      })
    const shortDeed = (name: string, fails = false) =>
      brief(db, async ({ tx, begin, end }) => {
        await begin()
        await announceAfterCommit(tx, 'order_changed', name)
        if (fails) throw new Error('no')
        await end(tx.insertInto('deeds' as never).values({ name } as never))
      })
    await deed('first')
    await expect(deed('undone', true)).rejects.toThrow('no')
    await expect(shortDeed('undone too', true)).rejects.toThrow('no')
    await shortDeed('in brief')
    await deed('last')
    // Two may overtake each other on their way: what is announced is that something changed, not what.
    await expect
      .poll(() => heard.toSorted())
      .toEqual([
        ['first', 1],
        ['in brief', 1],
        ['last', 1],
      ])
  } finally {
    await announcements.close()
    await close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
