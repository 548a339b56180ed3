import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../../tests/harness/database.ts'
import { connect } from '../connect.ts'
import { pipelinedTransaction } from './pipelined-transaction.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase(1)
})
afterAll(() => database?.stop())

test('all or nothing is written, and an ignored failure does not count as a commit', async () => {
  const { db, close } = connect(database.ownerUrl, 2)
  try {
    await sql`create table items (name text unique)`.execute(db)
    const add = (name: string) => sql`insert into items values (${name})`
    const last = (name: string) => ({ compile: () => add(name).compile(db) })
    const kept = async () => (await sql<{ name: string }>`select name from items order by name`.execute(db)).rows

    await pipelinedTransaction(db, async ({ tx, begin, end }) => {
      await begin()
      await add('one').execute(tx)
      await end(last('two'))
    })
    await pipelinedTransaction(db, async ({ tx, begin }) => {
      await begin()
      await add('without an end').execute(tx)
    })
    const before = await kept()
    expect(before.map(({ name }) => name)).toEqual(['one', 'two', 'without an end'])

    const lastFails = pipelinedTransaction(db, async ({ tx, begin, end }) => {
      await begin()
      await add('three').execute(tx)
      await end(last('two'))
    })
    await expect(lastFails).rejects.toThrow('duplicate key')
    const ignored = pipelinedTransaction(db, async ({ tx, begin }) => {
      await begin()
      await add('four').execute(tx)
      await add('two')
        .execute(tx)
        .catch(() => undefined)
    })
    await expect(ignored).rejects.toThrow('aborted')
    expect(await kept()).toEqual(before)
  } finally {
    await close()
  }
})
