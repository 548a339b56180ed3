import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Tables } from '../tables.generated.ts'
import { compiledQuery } from './compiled-query.ts'

const db = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (of) => new PostgresIntrospector(of),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

test('the text is built once; each call has its own values, and constants stay', () => {
  let built = 0
  const live = compiledQuery((numbers: readonly string[], after: Date) => {
    built += 1
    return db
      .selectFrom('orders')
      .select('id')
      .where('created_at', '>', after)
      .where('status', '=', 'unpaid')
      .where(sql<boolean>`order_no = any(${numbers}::text[])`)
  })
  const [first, second] = [new Date(1), new Date(2)]
  const one = live(['a'], first)
  const other = live(['b', 'c'], second)
  expect(other.sql).toBe(one.sql)
  expect(other.sql).toContain('order_no = any($3::text[])')
  expect(one.parameters).toEqual([first, 'unpaid', ['a']])
  expect(other.parameters).toEqual([second, 'unpaid', ['b', 'c']])
  expect(built).toBe(1)
})
