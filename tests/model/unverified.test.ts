/**
 * Unverified notifications are kept within a quota, per address and in total; signed ones always, but with a limit on
 * duplicates.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { PaymentProvider, RawNotification } from '../../apps/shop/src/payments/contract.ts'
import { receiveNotification } from '../../apps/shop/src/payments/notifications/inbox.ts'
import { pruneUnverified } from '../../apps/shop/src/payments/notifications/prune-unverified.ts'
import { MAX_DUPLICATES } from '../../apps/shop/src/payments/notifications/rows.ts'
import { createUnverifiedQuota, QUOTA } from '../../apps/shop/src/payments/notifications/unverified-quota.ts'
import { type Harness, openHarness } from './harness.ts'

const MB = 2 ** 20
const DETAIL =
  'SIGNATURE_MISMATCH: The signature does not match the key: it was made with another key, or not over these bytes.'

let harness: Harness
const sql = async <Row extends object>(text: string, values: unknown[] = []) =>
  (await harness.connection.pool.query<Row>(text, values)).rows
const count = async () => Number((await sql<{ n: string }>('select count(*) as n from notifications'))[0]?.n)
/** The size of the inbox on disk, including indexes and long values. */
const diskBytes = async () => {
  const [row] = await sql<{ bytes: string }>(
    `select sum(pg_total_relation_size(relid)) as bytes from pg_partition_tree('notifications') where isleaf`,
  )
  return Number(row?.bytes)
}

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
beforeEach(() => harness.asOwner('truncate notifications, unverified_quotas'))

/** @param claims whether it claims order numbers, other ones each time */
function saying(signed: boolean, notifyId?: string, claims = false): PaymentProvider {
  const known = harness.payments.providers.get('alipay')
  if (!known) throw new Error('there is no alipay')
  const detail = signed ? {} : { detail: DETAIL }
  return {
    ...known,
    links: known.links,
    readNotification: async () => ({
      checks: [{ check: 'signature', passed: signed, ...detail }],
      nothingToDo: signed,
      ...(notifyId !== undefined && { notifyId }),
      ...(claims && { attemptNo: long(), tradeNo: long(), notifyId: long() }),
    }),
  }
}

const long = () => randomBytes(32).toString('hex')

const HEADERS = {
  host: 'shop.example',
  'user-agent': 'Mozilla/4.0',
  accept: '*/*',
  connection: 'keep-alive',
  'content-length': '1',
  'content-type': 'application/x-www-form-urlencoded',
}
const raw = (body: Buffer, address = '192.0.2.1', headers: Record<string, string> = HEADERS): RawNotification => ({
  body,
  bodyBytes: body.length,
  contentType: headers['content-type'] ?? '',
  headers,
  address,
  receivedAt: harness.payments.clock(),
})

/** Like the processes of a shop: several concurrently, each remembering on its own what it refused. */
async function flood(
  times: number,
  make: (index: number) => RawNotification,
  signed = false,
  notifyId?: string,
  claims = false,
) {
  const provider = saying(signed, notifyId, claims)
  const processes = [0, 1, 2].map(() => ({ ...harness.payments, quota: createUnverifiedQuota(harness.payments.db) }))
  let next = 0
  const send = async () => {
    for (let index = next++; index < times; index = next++) {
      const payments = processes[index % processes.length] ?? harness.payments
      expect((await receiveNotification(payments, provider, make(index))).accepted).toBe(signed)
    }
  }
  await Promise.all(Array.from({ length: 60 }, send))
}

test('14,936 notifications of one byte from one address take no more than the promised 4 MB on disk', async () => {
  const before = await diskBytes()
  await flood(14_936, () => raw(Buffer.from('x')))
  const took = (await diskBytes()) - before
  expect(await count()).toBeGreaterThan(3000)
  expect(took).toBeLessThanOrEqual(QUOTA.line.bytes)
  // And the count is not fictitious: most of the quota is used.
  expect(took).toBeGreaterThan(QUOTA.line.bytes * 0.6)

  // Other addresses, including IPv6, are not refused because of it; all addresses of an IPv6 network count as one.
  const known = await count()
  await flood(1, () => raw(Buffer.from('x'), '192.0.2.2'))
  await flood(3000, (index) => raw(randomBytes(2000), `2001:db8::${index.toString(16)}`))
  expect(await count()).toBeLessThan(known + 1 + 4 * 500)
  expect(await count()).toBeGreaterThan(known + 1000)
  // A signed notification is kept even then.
  const kept = await count()
  expect((await receiveNotification(harness.payments, saying(true, 'genuine'), raw(Buffer.from('x')))).accepted).toBe(
    true,
  )
  expect(await count()).toBe(kept + 1)
})

test.each([
  ['64 kB that cannot be compressed', 150, () => raw(randomBytes(64 * 1024))],
  [
    'forty headers of a kilobyte',
    250,
    () =>
      raw(
        Buffer.from('x'),
        undefined,
        Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x-${index}`, randomBytes(480).toString('hex')])),
      ),
  ],
  ['one of a gateway’s own size', 4000, () => raw(randomBytes(900))],
  ['one that claims three numbers', 5000, () => raw(Buffer.from('x')), true],
])('of %s no more is kept on disk than promised', async (_, wanted, make, claims = false) => {
  const before = await diskBytes()
  await flood(wanted, make, false, undefined, claims)
  expect((await diskBytes()) - before).toBeLessThanOrEqual(QUOTA.line.bytes)
  expect(await count()).toBeGreaterThan(10)
})

test('from many addresses 32 MB are kept, plus one megabyte per hour', async () => {
  const before = await diskBytes()
  const many = (index: number) => raw(randomBytes(32 * 1024), `198.51.${index % 200}.1`)
  await flood(2000, many)
  expect((await diskBytes()) - before).toBeLessThanOrEqual(QUOTA.all.bytes)
  const first = await count()
  expect(first).toBeGreaterThan(600)
  harness.pass(3600)
  await flood(200, many)
  expect(await count()).toBeGreaterThan(first + 10)
  expect(await count()).toBeLessThan(first + 33)
})

test('after a week unverified notifications are deleted in batches; signed ones and those handled by staff stay', async () => {
  await flood(25, (index) => raw(Buffer.from('x'), `192.0.2.${index}`))
  await flood(5, () => raw(Buffer.from('x')), true)
  const [handled] = await sql<{ id: number }>('select id from notifications where not accepted order by id limit 1')
  await sql(
    `insert into notification_handlings (notification_id, at, by_whom, checks, effect, accepted) values ($1, now(), 'staff', '[]', '', false)`,
    [handled?.id],
  )
  const { db, clock } = harness.payments
  const inDays = (days: number) => new Date(clock().getTime() + days * 86_400_000)
  expect(await pruneUnverified(db, inDays(6.9), 10)).toBe(0)
  expect(await pruneUnverified(db, inDays(7.1), 10)).toBe(24)
  expect(await count()).toBe(6)
})

test('a captured genuine notification sent ten thousand times is acknowledged, and kept a hundred times', async () => {
  await flood(10_000, () => raw(Buffer.alloc(2048, 'x')), true, 'caught')
  // Concurrent ones did not see each other.
  expect(await count()).toBeGreaterThanOrEqual(MAX_DUPLICATES)
  expect(await count()).toBeLessThan(MAX_DUPLICATES + 60)
  await flood(1, () => raw(Buffer.from('x')), true, 'another')
  expect(await sql("select 1 from notifications where notify_id = 'another'")).toHaveLength(1)
  expect(await diskBytes()).toBeLessThan(4 * MB)
  // Forged copies use up nothing of the genuine one's allowance.
  await flood(150, (index) => raw(Buffer.from('x'), `192.0.2.${index}`), false, 'to come')
  await flood(1, () => raw(Buffer.from('x')), true, 'to come')
  expect(await sql("select 1 from notifications where notify_id = 'to come' and accepted")).toHaveLength(1)
})
