/** The rules of ARCHITECTURE.md that a linter's import rules cannot say, so that they stay true. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { RIGHTS } from '../apps/shop/src/accounts/rights.ts'
import names from '../apps/web/admin/locales/names/zh-CN.ts'
import staffWords from '../apps/web/admin/locales/staff/zh-CN.ts'
import { MUTATIONS } from '../prove/guards.ts'

const SHOP = join(import.meta.dirname, '../apps/shop/src')

const sources = readdirSync(SHOP, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
  .map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return { path: relative(SHOP, path), text: readFileSync(path, 'utf8') }
  })

const where = (pattern: RegExp, allowed: (path: string) => boolean) =>
  sources.filter(({ path, text }) => pattern.test(text) && !allowed(path)).map(({ path }) => path)

test('one door for money: only settle.ts marks an attempt or an order paid', () => {
  expect(where(/insertInto\('order_payments'\)/, (path) => path === 'payments/settle.ts')).toEqual([])
  expect(where(/transition\(tx, 'pay'/, (path) => path === 'payments/settle.ts')).toEqual([])
  expect(where(/status: 'paid'/, (path) => path === 'payments/settle.ts')).toEqual([])
})

test('providers stay behind their door: their names occur nowhere else', () => {
  expect(where(/alipay|wechat/i, (path) => path.startsWith('payments/providers/'))).toEqual([])
})

/** Which subject writes which table. */
const WRITERS: Record<string, string> = {
  users: 'accounts',
  sessions: 'accounts',
  login_failures: 'accounts',
  second_factors: 'accounts',
  recovery_codes: 'accounts',
  audit_log: 'accounts',
  categories: 'catalog',
  teachers: 'catalog',
  courses: 'catalog',
  chapters: 'catalog',
  lessons: 'catalog',
  uploads: 'catalog',
  orders: 'orders',
  order_lines: 'orders',
  order_history: 'orders',
  payment_attempts: 'payments',
  order_payments: 'payments',
  notifications: 'payments',
  notification_handlings: 'payments',
  unmatched_payments: 'payments',
  trial_payments: 'payments',
  payment_settings: 'payments',
  shop_identity: 'settings',
  refunds: 'payments',
  refund_lines: 'payments',
  idempotency_keys: 'http',
  reconciliations: 'reconciliation',
  reconciliation_differences: 'reconciliation',
  enrolments: 'enrolments',
  imports: 'enrolments',
  import_rows: 'enrolments',
  sales_days: 'backoffice',
  exports: 'backoffice',
  export_pieces: 'backoffice',
  access_waits: 'backoffice',
}

test.each(Object.entries(WRITERS))('one writer a table: %s is written by %s', (table, subject) => {
  const writes = new RegExp(`(insertInto|updateTable|deleteFrom)\\('${table}'\\)`)
  expect(where(writes, (path) => path.startsWith(`${subject}/`))).toEqual([])
})

test('every table has its writer', () => {
  const folder = join(SHOP, 'database/migrations')
  const sql = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
  const tables = [...sql.matchAll(/create (?:unlogged )?table (\w+)/g)].map(([, name]) => name)
  expect(tables.sort()).toEqual(Object.keys(WRITERS).sort())
})

test('the clock is handed in: nothing about orders, money or access reads it by itself', () => {
  const reads = /Date\.now\(\)|new Date\(\)/
  const rules = /^(orders|payments|enrolments|accounts)\//
  expect(sources.filter(({ path, text }) => rules.test(path) && reads.test(text)).map(({ path }) => path)).toEqual([])
})

test('no float near money', () => {
  expect(where(/parseFloat|toFixed\(2\)/, () => false)).toEqual([])
})

test('every right and every deed of the staff has its words in the back office', () => {
  const deeds = sources.flatMap(({ text }) =>
    [...text.matchAll(/action: '([a-z]+\.[a-z-]+)'/g)].map(([, deed]) => deed),
  )
  expect(deeds.length).toBeGreaterThan(20)
  const wordless = (names: readonly (string | undefined)[], group: object) =>
    names.filter((name) => !(String(name).replace('.', '_') in group))
  expect(wordless(deeds, names.action)).toEqual([])
  expect(wordless(Object.keys(RIGHTS), staffWords.right)).toEqual([])
})

test('every guard that the proof takes out is still where it takes it from, once', () => {
  const edits = MUTATIONS.flatMap(({ also, ...first }) => (also ? [first, also] : [first]))
  const held = ({ file, from }: { file: string; from: string }) =>
    readFileSync(join(import.meta.dirname, '..', file), 'utf8').split(from).length - 1
  expect(edits.filter((edit) => held(edit) !== 1).map(({ file, from }) => `${file}: ${from}`)).toEqual([])
})
