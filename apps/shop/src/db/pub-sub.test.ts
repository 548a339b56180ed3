import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../tests/harness/database.ts'
import { connect } from './connect.ts'
import { publishAfterCommit, subscribe } from './pub-sub.ts'
import { pipelinedTransaction } from './statements/pipelined-transaction.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase(1)
})
afterAll(() => database?.stop())

test('a change is published after the commit, and not after a rollback', async () => {
  const { db, servers, close } = connect(database.ownerUrl, 2)
  const subscriptions = subscribe(servers)
  try {
    await sql`create table items (name text)`.execute(db)
    await expect.poll(() => subscriptions.live).toBe(true)
    const received: [string, number][] = []
    subscriptions.on('order_changed', async (about) => {
      if (!about) return
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from items where name = ${about}`.execute(db)
      received.push([about, rows[0]?.n ?? 0])
    })
    const add = (name: string, fails = false) =>
      db.transaction().execute(async (tx) => {
        await publishAfterCommit(tx, 'order_changed', name)
        await sql`insert into items values (${name})`.execute(tx)
        if (fails) throw new Error('no')
      })
    const inOneTransaction = (name: string, fails = false) =>
      pipelinedTransaction(db, async ({ tx, begin, end }) => {
        await begin()
        await publishAfterCommit(tx, 'order_changed', name)
        if (fails) throw new Error('no')
        await end(tx.insertInto('items' as never).values({ name } as never))
      })
    /** Committed by the end of the work, as a query of the gateway is. */
    const leftOpen = (name: string) =>
      pipelinedTransaction(db, async ({ tx, begin }) => {
        await begin()
        await publishAfterCommit(tx, 'order_changed', name)
        await sql`insert into items values (${name})`.execute(tx)
      })
    await add('first')
    await expect(add('undone', true)).rejects.toThrow('no')
    await expect(inOneTransaction('undone too', true)).rejects.toThrow('no')
    await inOneTransaction('in brief')
    await leftOpen('left open')
    await add('last')
    // Publications may overtake each other: a publication says that something changed, not what.
    await expect
      .poll(() => received.toSorted())
      .toEqual([
        ['first', 1],
        ['in brief', 1],
        ['last', 1],
        ['left open', 1],
      ])
  } finally {
    await subscriptions.close()
    await close()
  }
})
