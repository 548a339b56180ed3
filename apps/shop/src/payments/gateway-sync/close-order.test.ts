/** Closing an order while its buyer presses "pay again" elsewhere: the moment between the two is held open on purpose. */
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../../tests/harness/database.ts'
import { register } from '../../accounts/register.ts'
import { createPrincipals } from '../../auth/principal.ts'
import { createSessions } from '../../auth/sessions/sessions.ts'
import { seedCatalog } from '../../catalog/demo.ts'
import { systemClock } from '../../clock.ts'
import { toFen } from '../../money.ts'
import { checkout, payAgain } from '../checkout/checkout.ts'
import type { PaymentProvider } from '../contract.ts'
import { createDuplicateNotifications } from '../notifications/duplicates.ts'
import { createUnverifiedQuota } from '../notifications/unverified-quota.ts'
import type { Payments } from '../payments.ts'
import { closeOrder } from './close-order.ts'

let connection: TestDatabase

beforeAll(async () => {
  connection = await startTestDatabase(4)
  await seedCatalog(connection.db)
}, 60_000)

afterAll(async () => {
  await connection.stop()
})

test('a link opened meanwhile is asked about at the gateway before the order closes', async () => {
  const { db } = connection
  const asked: string[] = []
  let meanwhile: (() => Promise<unknown>) | undefined
  const closedThere = new Set<string>()
  // A gateway that can be held at the very moment: only so does the same interleaving happen every time.
  const gateway: PaymentProvider = {
    name: 'alipay',
    merchant: 'the one there is',
    channelFor: () => 'page',
    refundGapMs: 0,
    links: { signed: 'locally', sign: async ({ attemptNo }) => ({ payUrl: `https://gateway.example/${attemptNo}` }) },
    async queryTrade(attemptNo) {
      asked.push(attemptNo)
      if (!closedThere.has(attemptNo)) return { state: 'waiting' }
      const pressed = meanwhile
      meanwhile = undefined
      await pressed?.()
      return { state: 'closed' }
    },
    close: async (attemptNo) => void closedThere.add(attemptNo),
    refund: async () => ({ state: 'succeeded' }),
    queryRefund: async () => undefined,
    bill: async () => ({ state: 'not yet' }),
    readNotification: async () => ({ checks: [] }),
  }
  const sessions = createSessions(db, 'a secret of thirty-two characters', systemClock)
  const payments: Payments = {
    db,
    providers: new Map([[gateway.name, gateway]]),
    principals: createPrincipals(sessions, 'http://127.0.0.1'),
    clock: systemClock,
    orderTtlMinutes: 30,
    duplicates: createDuplicateNotifications(db),
    quota: createUnverifiedQuota(db),
    log: pino({ level: 'silent' }),
  }
  const buyer = await register(db, { username: 'closing', password: 'a long password' })
  const client = { device: 'computer', address: '127.0.0.1' } as const
  const purchase = { userId: buyer.id, courseIds: [1], total: toFen(3900), payType: 'alipay', subject: undefined }
  const { orderNo } = await checkout(payments, purchase, client)
  const order = await db.selectFrom('orders').select('id').where('order_no', '=', orderNo).executeTakeFirstOrThrow()

  let second = ''
  meanwhile = async () => {
    const again = await payAgain(payments, { userId: buyer.id, orderNo, payType: undefined }, client)
    second = again.payUrl?.split('/').at(-1) ?? ''
  }
  const closing = await closeOrder(payments, order.id, { event: 'cancel', by: { actor: 'buyer' }, reason: '' })

  expect(closing).toBe('closed')
  expect(second).toMatch(/^[0-9a-f]{32}$/)
  expect(second).not.toBe(orderNo)
  expect(asked).toContain(second)
  expect([...closedThere].sort()).toEqual([orderNo, second].sort())
})
