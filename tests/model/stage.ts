/** The shop's own operations over a real PostgreSQL and a gateway in memory, with a clock that a test moves. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createSessions } from '../../apps/shop/src/accounts/sessions.ts'
import { createViewers } from '../../apps/shop/src/accounts/viewer.ts'
import { seedCatalog } from '../../apps/shop/src/catalog/demo.ts'
import { type Connection, connect } from '../../apps/shop/src/database/connect.ts'
import { startEmbeddedPostgres } from '../../apps/shop/src/database/embedded.ts'
import { migrate } from '../../apps/shop/src/database/migrate.ts'
import { ShopError } from '../../apps/shop/src/errors.ts'
import { sumFen } from '../../apps/shop/src/money.ts'
import { askAbout } from '../../apps/shop/src/payments/ask.ts'
import { askDueAttempts } from '../../apps/shop/src/payments/ask-due.ts'
import { checkout, payAgain } from '../../apps/shop/src/payments/checkout.ts'
import { closeLeftAttempts } from '../../apps/shop/src/payments/close-attempts.ts'
import { closeOrder } from '../../apps/shop/src/payments/close-order.ts'
import { receiveNotification } from '../../apps/shop/src/payments/inbox.ts'
import { type Payments, providerNamed } from '../../apps/shop/src/payments/payments.ts'
import * as decisions from '../../apps/shop/src/payments/refund-decisions.ts'
import { refundLines } from '../../apps/shop/src/payments/refunds.ts'
import { createRepeats } from '../../apps/shop/src/payments/repeated.ts'
import { sendRefund } from '../../apps/shop/src/payments/send-refund.ts'
import { createMemoryGateway, METHODS, type MemoryGateway } from './gateway.ts'

export interface Stage {
  readonly connection: Connection
  readonly gateway: MemoryGateway
  readonly payments: Payments
  /** Moves the clock of the shop. */
  pass(seconds: number): void
  newBuyer(): Promise<number>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-model-'))
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  await migrate(server.url)
  const connection = connect(server.url, 8)
  const { db } = connection
  await seedCatalog(db)
  let ahead = 0
  const clock = () => new Date(Date.now() + ahead)
  const gateway = createMemoryGateway(clock)
  const payments: Payments = {
    db,
    providers: gateway.providers,
    viewers: createViewers(createSessions(db, 'a secret of thirty-two characters', clock), 'http://127.0.0.1'),
    clock,
    orderTtlMinutes: 30,
    repeats: createRepeats(db),
    log: pino({ level: 'silent' }),
  }
  let buyers = 0
  return {
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

/** One order and whatever may be done with it. An operation that the shop refuses in its own words is no failure. */
export interface Play {
  readonly orderId: number
  readonly orderNo: string
  readonly userId: number
  do(deed: Deed): Promise<string>
}

export const DEEDS = [
  'open the link',
  'pay',
  'pay an old link',
  'pay late',
  'notify',
  'ask',
  'pay again',
  'pay again by the other method',
  'cancel',
  'cancel by staff',
  'expire',
  'close what is left',
  'ask for a refund',
  'approve',
  'decline',
  'withdraw',
  'refund a line',
  'refund a part',
  'refund all',
  'send refunds',
  'send again',
  'look again',
] as const

export type Deed = (typeof DEEDS)[number]

const PAYER = { device: 'computer', address: '127.0.0.1' } as const

/** Buys the courses with the shop's first method, or another one. */
export async function play(
  stage: Stage,
  userId: number,
  courseIds: number[],
  payType: string = METHODS[0],
): Promise<Play> {
  const { payments, gateway } = stage
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

  const staff = { actor: 'staff', userId } as const
  const buyer = { actor: 'buyer', userId } as const
  const attempts = async () =>
    await db
      .selectFrom('payment_attempts')
      .select(['attempt_no', 'provider', 'merchant'])
      .where('order_id', '=', orderId)
      .orderBy('id')
      .execute()
  const refunds = (...statuses: ('requested' | 'approved' | 'sent' | 'refused')[]) =>
    db
      .selectFrom('refunds')
      .select(['id', 'request_no'])
      .where('order_id', '=', orderId)
      .where('status', 'in', statuses)
      .execute()
  const inTransaction = <Result>(work: Parameters<ReturnType<typeof db.transaction>['execute']>[0]) =>
    db.transaction().execute(work) as Promise<Result>
  const decide = async (status: 'requested' | 'refused', how: typeof decisions.approveRefund) => {
    for (const { request_no: requestNo } of await refunds(status)) {
      await inTransaction((tx) => how(tx, { requestNo, by: staff, now: payments.clock() }))
    }
  }
  const refund = (lines: { courseId: number; amount?: ReturnType<typeof sumFen> }[], by: typeof staff | typeof buyer) =>
    inTransaction((tx) => refundLines(tx, { orderId, lines, reason: 'model', by, now: payments.clock() }))
  const all = () => courseIds.map((courseId) => ({ courseId }))
  const first = courseIds.slice(0, 1).map((courseId) => ({ courseId }))

  const deeds: Record<Deed, () => Promise<unknown>> = {
    'open the link': async () => gateway.open((await attempts()).at(-1)?.attempt_no ?? ''),
    pay: async () => gateway.pay((await attempts()).at(-1)?.attempt_no ?? '', payments.clock()),
    'pay an old link': async () => gateway.pay((await attempts())[0]?.attempt_no ?? '', payments.clock()),
    'pay late': async () => gateway.pay((await attempts()).at(-1)?.attempt_no ?? '', payments.clock(), true),
    notify: async () => {
      for (const { attempt_no: attemptNo, provider: name } of await attempts()) {
        if (gateway.trades.get(attemptNo)?.state !== 'paid') continue
        const body = gateway.notification(attemptNo)
        const from = { headers: {}, address: '127.0.0.1', receivedAt: payments.clock() }
        const raw = { body, bodyBytes: body.length, contentType: 'application/json', ...from }
        await receiveNotification(payments, providerNamed(payments, name), raw)
      }
    },
    ask: async () => {
      for (const attempt of await attempts()) await askAbout(payments, attempt)
    },
    'pay again': () => payAgain(payments, { userId, orderNo, payType: undefined }, PAYER),
    'pay again by the other method': async () => {
      const last = (await attempts()).at(-1)?.provider
      const other = METHODS.find((method) => method !== last)
      await payAgain(payments, { userId, orderNo, payType: other }, PAYER)
    },
    cancel: () => closeOrder(payments, orderId, { event: 'cancel', by: buyer, reason: '' }),
    'cancel by staff': () => closeOrder(payments, orderId, { event: 'cancel', by: staff, reason: 'asked to' }),
    expire: () => closeOrder(payments, orderId, { event: 'expire', by: { actor: 'job' }, reason: 'not paid in time' }),
    'close what is left': () => closeLeftAttempts(payments, orderId),
    'ask for a refund': () => refund(first, buyer),
    approve: () => decide('requested', decisions.approveRefund),
    decline: () => decide('requested', (tx, decision) => decisions.declineRefund(tx, { ...decision, answer: 'no' })),
    withdraw: async () => {
      for (const { request_no: requestNo } of await refunds('requested')) {
        await inTransaction((tx) => decisions.withdrawRefund(tx, { requestNo, by: buyer, now: payments.clock() }))
      }
    },
    'refund a line': () => refund(first, staff),
    'refund a part': () =>
      refund(
        first.map((line) => ({ ...line, amount: sumFen([100 as ReturnType<typeof sumFen>]) })),
        staff,
      ),
    'refund all': () => refund(all(), staff),
    'send refunds': async () => {
      for (const { id } of await refunds('approved', 'sent')) await sendRefund(payments, id)
    },
    'send again': () => decide('refused', decisions.sendRefundAgain),
    'look again': () => askDueAttempts(payments),
  }
  return {
    orderId,
    orderNo,
    userId,
    async do(deed) {
      try {
        await deeds[deed]()
        return 'done'
      } catch (error) {
        if (error instanceof ShopError && error.code !== 'INTERNAL') return error.code
        throw error
      }
    },
  }
}

/** Lets everything come to its end: the gateway answers, everything is asked about, every refund is sent. */
export async function settleDown(stage: Stage, plays: readonly Play[]): Promise<void> {
  stage.gateway.mood = 'answers'
  for (let round = 0; round < 3; round += 1) {
    // By the last round every link has ended, and what is open or closed is looked at again.
    stage.pass(round === 1 ? 3600 : 120)
    if (round > 0) await askDueAttempts(stage.payments)
    await Promise.all(
      plays.map(async (each) => {
        await each.do('ask')
        await each.do('notify')
      }),
    )
    const { db } = stage.payments
    for (;;) {
      stage.pass(120)
      const open = await db.selectFrom('refunds').select('id').where('status', 'in', ['approved', 'sent']).execute()
      if (open.length === 0) break
      // Two refunds of one payment are not sent at once: the second comes in the next round.
      await Promise.all(open.map(({ id }) => sendRefund(stage.payments, id).catch(refusedForNow)))
    }
  }
}

function refusedForNow(error: unknown): void {
  if (!(error instanceof ShopError) || error.code !== 'GATEWAY_UNAVAILABLE') throw error
}
