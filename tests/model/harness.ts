/** The shop's own operations over a real PostgreSQL and an in-memory gateway, with a clock that the test controls. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { createPrincipals } from '../../apps/shop/src/auth/principal.ts'
import { createSessions } from '../../apps/shop/src/auth/sessions/sessions.ts'
import { seedCatalog } from '../../apps/shop/src/catalog/demo.ts'
import { type Connection, connect } from '../../apps/shop/src/db/connect.ts'
import { startEmbeddedPostgres } from '../../apps/shop/src/db/embedded/server.ts'
import { ShopError } from '../../apps/shop/src/errors.ts'
import { sumFen } from '../../apps/shop/src/money.ts'
import { checkout } from '../../apps/shop/src/payments/checkout/checkout.ts'
import { queryDueAttempts } from '../../apps/shop/src/payments/gateway-sync/query-due.ts'
import { sendRefund } from '../../apps/shop/src/payments/gateway-sync/send-refund.ts'
import { createDuplicateNotifications } from '../../apps/shop/src/payments/notifications/duplicates.ts'
import { createUnverifiedQuota } from '../../apps/shop/src/payments/notifications/unverified-quota.ts'
import type { Payments } from '../../apps/shop/src/payments/payments.ts'
import { fillFromTemplate } from '../harness/data-template.ts'
import { type Action, actionsOn, PAYER } from './actions.ts'
import { createMemoryGateway, METHODS, type MemoryGateway } from './gateway.ts'

export interface Harness {
  readonly connection: Connection
  readonly gateway: MemoryGateway
  readonly payments: Payments
  /** Moves the shop's clock. */
  pass(seconds: number): void
  newBuyer(): Promise<number>
  /** Runs a statement that the shop's own role may not run. */
  asOwner(text: string): Promise<void>
  close(): Promise<void>
}

export async function openHarness(): Promise<Harness> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-model-'))
  await fillFromTemplate(folder)
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  const connection = connect(server.url, 8)
  const { db } = connection
  await seedCatalog(db)
  let ahead = 0
  const clock = () => new Date(Date.now() + ahead)
  const gateway = createMemoryGateway(clock)
  const payments: Payments = {
    db,
    providers: gateway.providers,
    principals: createPrincipals(createSessions(db, 'a secret of thirty-two characters', clock), 'http://127.0.0.1'),
    clock,
    orderTtlMinutes: 30,
    duplicates: createDuplicateNotifications(db),
    quota: createUnverifiedQuota(db),
    log: pino({ level: 'silent' }),
  }
  let buyers = 0
  return {
    async asOwner(text) {
      const owner = new pg.Client({ connectionString: server.ownerUrl })
      await owner.connect()
      await owner.query(text)
      await owner.end()
    },
    connection,
    gateway,
    payments,
    pass(seconds) {
      ahead += seconds * 1000
    },
    async newBuyer() {
      const user = await db
        .insertInto('users')
        .values({ username: `model${++buyers}`, display_name: 'model', password_hash: 'none' })
        .returning('id')
        .executeTakeFirstOrThrow()
      return user.id
    },
    async close() {
      await connection.close()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** One order and all possible actions on it. An operation that the shop refuses with a ShopError is not a failure. */
export interface PlacedOrder {
  readonly orderId: number
  readonly orderNo: string
  readonly userId: number
  do(action: Action): Promise<string>
}

/** Buys the courses with the shop's first method, or another one. */
export async function placeOrder(
  harness: Harness,
  userId: number,
  courseIds: number[],
  payType: string = METHODS[0],
): Promise<PlacedOrder> {
  const { payments, gateway } = harness
  const { db } = payments
  const priced = await db.selectFrom('courses').select('price_fen').where('id', 'in', courseIds).execute()
  const total = sumFen(priced.map((course) => course.price_fen))
  const purchase = { userId, courseIds, total, payType, subject: undefined }
  const { orderNo } = await checkout(payments, purchase, PAYER)
  const { id: orderId } = await db
    .selectFrom('orders')
    .select('id')
    .where('order_no', '=', orderNo)
    .executeTakeFirstOrThrow()

  const actions = actionsOn({ payments, gateway, orderId, orderNo, userId, courseIds })
  return {
    orderId,
    orderNo,
    userId,
    async do(action) {
      try {
        await actions[action]()
        return 'done'
      } catch (error) {
        if (error instanceof ShopError && error.code !== 'INTERNAL') return error.code
        throw error
      }
    },
  }
}

/** Lets everything finish: the gateway answers, everything is queried, every refund is sent. */
export async function settleDown(harness: Harness, orders: readonly PlacedOrder[]): Promise<void> {
  harness.gateway.mood = 'answers'
  for (let round = 0; round < 3; round += 1) {
    // By the last round every link has ended, and all open and closed attempts are queried again.
    harness.pass(round === 1 ? 3600 : 120)
    if (round > 0) await queryDueAttempts(harness.payments)
    await Promise.all(
      orders.map(async (each) => {
        await each.do('query')
        await each.do('notify')
      }),
    )
    const { db } = harness.payments
    for (;;) {
      harness.pass(120)
      const open = await db.selectFrom('refunds').select('id').where('status', 'in', ['approved', 'sent']).execute()
      if (open.length === 0) break
      // Two refunds of one payment are not sent at once: the second is sent in the next round.
      await Promise.all(open.map(({ id }) => sendRefund(harness.payments, id).catch(refusedForNow)))
    }
    // What was refunded in the console comes to light by a notification of the gateway.
    const unsent = db.selectFrom('refunds').select('id').where('status', 'in', UNSENT)
    const ids = orders.map(({ orderId }) => orderId)
    const quiet = ids.length === 0 ? [] : await unsent.where('order_id', 'in', ids).execute()
    for (const { id } of quiet) await sendRefund(harness.payments, id).catch(refusedForNow)
  }
}

const UNSENT = ['requested', 'refused', 'declined', 'withdrawn'] as const

function refusedForNow(error: unknown): void {
  if (!(error instanceof ShopError) || error.code !== 'GATEWAY_UNAVAILABLE') throw error
}
