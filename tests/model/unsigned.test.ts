/** What nobody signed is kept only so far; what is signed is kept always. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receiveNotification } from '../../apps/shop/src/payments/inbox.ts'
import type { PaymentProvider, RawNotification } from '../../apps/shop/src/payments/providers/provider.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await openStage()
}, 60_000)
afterAll(() => stage?.close())

test('of bodies of 64 kB that nobody signed 32 MB are kept; all are refused, and what is signed is kept after them', async () => {
  const known = stage.payments.providers.get('alipay')
  if (!known) throw new Error('there is no alipay')
  const says = (passed: boolean): PaymentProvider => ({
    ...{ ...known, links: known.links },
    readNotification: async () => ({ checks: [{ check: 'signature', passed }], nothingToDo: passed }),
  })
  const raw: RawNotification = {
    ...{ body: Buffer.alloc(64 * 1024, 'x'), bodyBytes: 64 * 1024, contentType: 'text/plain', headers: {} },
    ...{ address: '192.0.2.1', receivedAt: stage.payments.clock() },
  }
  const kept = async () =>
    Number((await stage.connection.pool.query('select count(*) as n from notifications')).rows[0]?.n)
  for (let sent = 0; sent < 600; sent += 1)
    expect((await receiveNotification(stage.payments, says(false), raw)).accepted).toBe(false)
  // A minute lets in one megabyte more, sixteen of them, and this takes less.
  expect(await kept()).toBeGreaterThanOrEqual(511)
  expect(await kept()).toBeLessThan(511 + 17)
  const before = await kept()
  expect((await receiveNotification(stage.payments, says(true), raw)).accepted).toBe(true)
  expect(await kept()).toBe(before + 1)
})
