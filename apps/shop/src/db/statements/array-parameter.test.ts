import { type Expression, sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../../tests/harness/database.ts'
import { connect } from '../connect.ts'
import { isInArray } from './array-parameter.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase(1)
})
afterAll(() => database?.stop())

test('a list hidden in a subselect is planned once; a visible list is planned every time', async () => {
  const { db, close } = connect(database.ownerUrl, 1)
  try {
    await sql`create table items (name text primary key)`.execute(db)
    await sql`insert into items select 'item ' || n from generate_series(1, 10000) n`.execute(db)
    await sql`analyze items`.execute(db)
    const name = sql.ref('name')
    const plans = async (condition: (names: readonly string[]) => Expression<boolean>) => {
      const read = (names: readonly string[]) =>
        sql<{ name: string }>`select name from items where ${condition(names)} order by name`.execute(db)
      for (let asked = 0; asked < 20; asked += 1) {
        const names = ['item 1', 'item 2', 'item 3', 'none'].slice(0, 1 + (asked % 4))
        expect((await read(names)).rows.map((row) => row.name)).toEqual(names.filter((each) => each !== 'none'))
      }
      const text = sql`select name from items where ${condition([])} order by name`.compile(db).sql
      const { rows } = await sql<{ kept: string }>`
        select generic_plans::text as kept from pg_prepared_statements where statement = ${text}`.execute(db)
      return rows
    }
    expect(await plans((names) => isInArray(name, names, 'text'))).toEqual([{ kept: '15' }])
    expect(await plans((names) => sql<boolean>`${name} = any(${names}::text[])`)).toEqual([{ kept: '0' }])
  } finally {
    await close()
  }
})
