/** A restored backup has the same rows to the last character and the same money, and the shop continues from it. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
const folder = mkdtempSync(join(tmpdir(), 'xuecheng-backup-'))
const file = join(folder, 'shop.backup')

beforeAll(async () => {
  system = await startSystem()
})

afterAll(async () => {
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
})

const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
const cli = (dataDir: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [...flags, join(import.meta.dirname, '../../apps/shop/src/cli.ts'), ...args], {
    cwd: folder,
    env: { ...process.env, DATA_DIR: dataDir, SANDBOX_PORT: '0' },
  }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )

/** Every table with its number of rows and a hash of its content. */
async function fingerprint({ sql }: System): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'
     and table_name not in ('migrations', 'login_failures', 'sessions', 'sales_days', 'access_waits')`,
  )
  const prints: Record<string, string> = {}
  for (const { name } of tables) {
    const [row] = await sql<{ print: string }>(
      `select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as print from ${name} t
       ${name === 'audit_log' ? "where action <> 'database.restore'" : ''}`,
    )
    prints[name] = row?.print ?? ''
  }
  return prints
}

test('a backup of a running shop is restored elsewhere, and the shop continues from it', {
  timeout: 480_000,
}, async () => {
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  // Everything that a text may contain: tabs, line ends of every kind, backslashes, quotes, a line like the end of a table.
  const odd = 'tab\t line\n other\r\n \\. \u2028 \u2029 "quoted" \\N 学城 🎓'
  await system.sql('update users set display_name = $1 where id = (select max(id) from users)', [odd])
  const refund = { lines: [{ courseId: 1, amount: '9.00' }], amount: '9.00', reason: odd }
  expect((await staff.call('POST', `/api/admin/orders/${body.orderNo}/refunds`, refund)).status).toBe(201)
  await until(
    () => system.sandbox.trades(body.orderNo),
    ([trade]) => trade?.refundedAmount === '9.00',
  )
  await until(
    () => system.sql<{ n: number }>("select count(*)::int as n from refunds where status in ('approved', 'sent')"),
    ([row]) => row?.n === 0,
  )

  // Rows older than the database that they are restored into have a partition of their own.
  await system.sql(
    `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted)
     select 'alipay', '2020-01-15', '', '', '{}', 'kept', 4, '[]', 'settled', true from generate_series(1, 3)`,
  )
  await system.sql('select keep_months(current_date, 0)')
  expect(await system.sql('select from notifications_2020_01')).toHaveLength(3)

  const made = await cli(system.dataDir, 'backup', file, '--json')
  expect([made.code, JSON.parse(made.output)]).toMatchObject([0, { tables: { orders: 1, refunds: 1 } }])
  expect((await cli(system.dataDir, 'backup', file)).code).toBe(2) // never overwrites a file
  expect(gunzipSync(readFileSync(file)).toString('utf8').split('\n')[0]).toContain(
    '{"grown":"notifications","month":"2020-01-01"}',
  )
  const before = await fingerprint(system)
  // Restoring into a shop that has data is refused and changes nothing.
  const refused = await cli(system.dataDir, 'restore', file)
  expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('not empty')])
  expect(await fingerprint(system)).toEqual(before)

  const elsewhere = join(folder, 'elsewhere')
  // Nothing is kept of a truncated or invalid file.
  const whole = gunzipSync(readFileSync(file))
  writeFileSync(join(folder, 'cut'), gzipSync(whole.subarray(0, whole.length - 2000)))
  writeFileSync(join(folder, 'none'), gzipSync('hello'))
  expect((await cli(elsewhere, 'restore', join(folder, 'none'))).code).toBe(2)
  expect((await cli(elsewhere, 'restore', join(folder, 'missing'))).code).toBe(2)
  expect(existsSync(elsewhere)).toBe(false)
  expect((await cli(elsewhere, 'restore', join(folder, 'cut'))).code).toBe(2)
  expect(existsSync(`${file}.partial`)).toBe(false)

  // A backup that does not name its partitions: they are found all the same.
  const [header = '', ...rest] = whole.toString('latin1').split('\n')
  const nameless = JSON.stringify({ ...(JSON.parse(header) as object), months: undefined })
  writeFileSync(join(folder, 'nameless'), gzipSync(Buffer.from([nameless, ...rest].join('\n'), 'latin1')))
  const old = join(folder, 'old')
  expect((await cli(old, 'restore', join(folder, 'nameless'))).code).toBe(0)
  const fromOld = await startSystem({ dataDir: old })
  expect(await fromOld.sql('select from notifications_2020_01')).toHaveLength(3)
  await fromOld.stop()

  const restored = await cli(elsewhere, 'restore', file)
  expect([restored.code, restored.output]).toEqual([0, expect.stringContaining('1 of them orders')])
  const again = await startSystem({ dataDir: elsewhere })
  try {
    expect(await fingerprint(again)).toEqual(before)
    expect(await again.sql("select username, role from audit_log where action = 'database.restore'")).toEqual([
      { username: 'xuecheng', role: 'shell' },
    ])
    const back = again.client()
    back.token = undefined
    await back.login((await buyer.call<{ username: string }>('GET', '/api/me')).body.username, 'a long password')
    expect((await back.order(body.orderNo)).status).toBe('partially_refunded')
    // New rows get higher numbers than the old ones.
    expect((await (await again.buyer()).buy([1], '39.00')).status).toBe(201)
  } finally {
    await again.stop()
  }
})
