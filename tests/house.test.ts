/** The rules of ARCHITECTURE.md that a linter's import rules cannot say, so that they stay true. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { RIGHTS } from '../apps/shop/src/admin/permissions.ts'
import names from '../apps/web/admin/locales/names/zh-CN.ts'
import staffWords from '../apps/web/admin/locales/staff/zh-CN.ts'
import { breakGuard, MUTATIONS } from '../prove/guards.ts'

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
  expect(where(/insertInto\('order_payments'\)/, (path) => path === 'payments/settlement/settle.ts')).toEqual([])
  expect(where(/transition\(tx, 'pay'/, (path) => path === 'payments/settlement/settle.ts')).toEqual([])
  expect(where(/status: 'paid'/, (path) => path === 'payments/settlement/settle.ts')).toEqual([])
})

test('providers stay behind their door: their names occur nowhere else', () => {
  expect(where(/alipay|wechat/i, (path) => path.startsWith('payments/providers/'))).toEqual([])
})

test('of the files beside the providers only the list names one', () => {
  const list = 'payments/providers/methods.ts'
  const own = /^payments\/providers\/\w+\//
  const neutral = (path: string) => path.startsWith('payments/providers/') && path !== list && !own.test(path)
  expect(where(/alipay|wechat/i, (path) => !neutral(path))).toEqual([])
})

/** Which subject writes which table. */
const WRITERS: Record<string, string> = {
  users: 'accounts and auth and staff',
  sessions: 'auth',
  login_failures: 'auth',
  login_codes: 'auth',
  security_events: 'auth',
  proof_counts: 'auth',
  spent_proofs: 'auth',
  first_run: 'staff',
  unknown_proxy: 'http',
  second_factors: 'auth',
  recovery_codes: 'auth',
  security_settings: 'auth',
  audit_log: 'admin',
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
  unverified_quotas: 'payments',
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
  sales_days: 'reconciliation',
  access_waits: 'reconciliation',
}

test.each(Object.entries(WRITERS))('one writer a table: %s is written by %s', (table, subject) => {
  const writes = new RegExp(`(insertInto|updateTable|deleteFrom)\\('${table}'\\)`)
  expect(where(writes, (path) => subject.split(' and ').includes(path.split('/')[0] ?? ''))).toEqual([])
})

test('every table has its writer', () => {
  const folder = join(SHOP, 'db/migrations')
  const sql = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
  const dropped = [...sql.matchAll(/^drop table ([\w, ]+);/gm)].flatMap(([, names = '']) => names.split(', '))
  const tables = [...sql.matchAll(/create (?:unlogged )?table (\w+)/g)].map(([, name = '']) => name)
  expect(tables.filter((name) => !dropped.includes(name)).sort()).toEqual(Object.keys(WRITERS).sort())
})

test('the clock is handed in: nothing about orders, money or access reads it by itself', () => {
  const reads = /Date\.now\(\)|new Date\(\)/
  const rules = /^(orders|payments|enrolments|accounts|admin|auth|staff|reconciliation)\//
  expect(sources.filter(({ path, text }) => rules.test(path) && reads.test(text)).map(({ path }) => path)).toEqual([])
})

test('no float near money', () => {
  expect(where(/parseFloat|toFixed\(2\)/, () => false)).toEqual([])
})

test('every permission and every audit action has its text in the back office', () => {
  const actions = sources.flatMap(({ text }) =>
    [...text.matchAll(/action: '([a-z]+\.[a-z-]+)'/g)].map(([, action]) => action),
  )
  expect(actions.length).toBeGreaterThan(20)
  const wordless = (names: readonly (string | undefined)[], group: object) =>
    names.filter((name) => !(String(name).replace('.', '_') in group))
  expect(wordless(actions, names.action)).toEqual([])
  expect(wordless(Object.keys(RIGHTS), staffWords.right)).toEqual([])
})

test('every guard that the proof takes out is still where it takes it from, once', () => {
  const read = (file: string) => readFileSync(join(import.meta.dirname, '..', file), 'utf8')
  const edits = MUTATIONS.flatMap(({ also, ...first }) => (also ? [first, also] : [first]))
  for (const edit of edits) {
    const text = read(edit.file)
    expect(breakGuard(text, edit), edit.marker).not.toBe(text)
  }
  const marked = [...new Set(edits.map(({ file }) => file))].flatMap((file) =>
    [...read(file).matchAll(/\/\/ guard: (\S+)$/gm)].map(([, marker]) => marker),
  )
  expect(marked.sort()).toEqual([...new Set(edits.map(({ marker }) => marker))].sort())
})
