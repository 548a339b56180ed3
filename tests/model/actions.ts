/** All possible actions on one order of the model. */
import { type Fen, toFen } from '../../apps/shop/src/money.ts'
import { payAgain } from '../../apps/shop/src/payments/checkout/checkout.ts'
import { closeLeftAttempts } from '../../apps/shop/src/payments/gateway-sync/close-attempts.ts'
import { closeOrder } from '../../apps/shop/src/payments/gateway-sync/close-order.ts'
import { queryAttempt } from '../../apps/shop/src/payments/gateway-sync/query.ts'
import { queryDueAttempts } from '../../apps/shop/src/payments/gateway-sync/query-due.ts'
import { sendRefund } from '../../apps/shop/src/payments/gateway-sync/send-refund.ts'
import { confirmUnmade } from '../../apps/shop/src/payments/gateway-sync/stop-refund.ts'
import { receiveNotification } from '../../apps/shop/src/payments/notifications/inbox.ts'
import { findProvider, type Payments } from '../../apps/shop/src/payments/payments.ts'
import { refundLines } from '../../apps/shop/src/payments/refunds/create.ts'
import * as decisions from '../../apps/shop/src/payments/refunds/decisions.ts'
import { METHODS, type MemoryGateway } from './gateway.ts'

export const ACTIONS = [
  'open the link',
  'pay',
  'pay an old link',
  'pay late',
  'notify',
  'query',
  'pay again',
  'pay again by the other method',
  'cancel',
  'cancel by staff',
  'expire',
  'close left attempts',
  'request a refund',
  'approve',
  'decline',
  'withdraw',
  'refund a line',
  'refund a part',
  'refund all',
  'send refunds',
  'stop',
  'send again',
  'look again',
  'refund in the console',
] as const

export type Action = (typeof ACTIONS)[number]

export const PAYER = { device: 'computer', address: '127.0.0.1' } as const

export interface Placed {
  readonly payments: Payments
  readonly gateway: MemoryGateway
  readonly orderId: number
  readonly orderNo: string
  readonly userId: number
  readonly courseIds: readonly number[]
}

export const actionsOn = (placed: Placed): Readonly<Record<Action, () => unknown>> => ({
  ...paying(placed),
  ...closing(placed),
  ...refunding(placed),
})

const buyerOf = ({ userId }: Placed) => ({ actor: 'buyer', userId }) as const
const staffOf = ({ userId }: Placed) => ({ actor: 'staff', userId }) as const

function paying(placed: Placed) {
  const { payments, gateway, userId, orderNo } = placed
  return {
    'open the link': async () => gateway.open((await attemptsOf(placed)).at(-1)?.attempt_no ?? ''),
    pay: async () => gateway.pay((await attemptsOf(placed)).at(-1)?.attempt_no ?? '', payments.clock()),
    'pay an old link': async () => gateway.pay((await attemptsOf(placed))[0]?.attempt_no ?? '', payments.clock()),
    'pay late': async () => gateway.pay((await attemptsOf(placed)).at(-1)?.attempt_no ?? '', payments.clock(), true),
    notify: async () => {
      for (const { attempt_no: attemptNo, provider: name } of await attemptsOf(placed)) {
        if (gateway.trades.get(attemptNo)?.state !== 'paid') continue
        const body = gateway.notification(attemptNo)
        const from = { headers: {}, address: '127.0.0.1', receivedAt: payments.clock() }
        const raw = { body, bodyBytes: body.length, contentType: 'application/json', ...from }
        await receiveNotification(payments, findProvider(payments, name), raw)
      }
    },
    query: async () => {
      for (const attempt of await attemptsOf(placed)) await queryAttempt(payments, attempt)
    },
    'pay again': () => payAgain(payments, { userId, orderNo, payType: undefined }, PAYER),
    'pay again by the other method': async () => {
      const last = (await attemptsOf(placed)).at(-1)?.provider
      const other = METHODS.find((method) => method !== last)
      await payAgain(payments, { userId, orderNo, payType: other }, PAYER)
    },
    'look again': () => queryDueAttempts(payments),
  }
}

function closing(placed: Placed) {
  const { payments, orderId } = placed
  return {
    cancel: () => closeOrder(payments, orderId, { event: 'cancel', by: buyerOf(placed), reason: '' }),
    'cancel by staff': () =>
      closeOrder(payments, orderId, { event: 'cancel', by: staffOf(placed), reason: 'asked to' }),
    expire: () => closeOrder(payments, orderId, { event: 'expire', by: { actor: 'job' }, reason: 'not paid in time' }),
    'close left attempts': () => closeLeftAttempts(payments, orderId),
  }
}

function refunding(placed: Placed) {
  const { payments, gateway, orderId, courseIds } = placed
  const [buyer, staff] = [buyerOf(placed), staffOf(placed)]
  const all = courseIds.map((courseId) => ({ courseId }))
  const first = all.slice(0, 1)
  return {
    'request a refund': () => refund(placed, first, buyer),
    approve: () => decide(placed, 'requested', decisions.approveRefund),
    decline: () =>
      decide(placed, 'requested', (tx, decision) => decisions.declineRefund(tx, { ...decision, answer: 'no' })),
    withdraw: async () => {
      for (const { request_no: requestNo } of await refundsOf(placed, 'requested')) {
        await payments.db
          .transaction()
          .execute((tx) => decisions.withdrawRefund(tx, { requestNo, by: buyer, now: payments.clock() }))
      }
    },
    'refund a line': () => refund(placed, first, staff),
    'refund a part': () =>
      refund(
        placed,
        first.map((line) => ({ ...line, amount: toFen(100) })),
        staff,
      ),
    'refund all': () => refund(placed, all, staff),
    'send refunds': async () => {
      for (const { id } of await refundsOf(placed, 'approved', 'sent')) await sendRefund(payments, id)
    },
    stop: async () => {
      for (const { request_no: requestNo } of await refundsOf(placed, 'approved', 'sent')) {
        const unmade = await confirmUnmade(payments, requestNo)
        const decision = { unmade, by: staff, now: payments.clock(), answer: 'no more' }
        await payments.db.transaction().execute((tx) => decisions.stopRefund(tx, decision))
      }
    },
    'send again': () => decide(placed, 'refused', decisions.sendRefundAgain),
    // With the number that the refund has here, whatever its state.
    'refund in the console': async () => {
      const ours = payments.db
        .selectFrom('refunds')
        .innerJoin('payment_attempts as paid', 'paid.id', 'refunds.attempt_id')
      const row = await ours
        .select(['refunds.request_no', 'refunds.amount_fen', 'paid.attempt_no'])
        .where('refunds.order_id', '=', orderId)
        .where('refunds.status', 'in', ['requested', 'refused', 'declined', 'withdrawn'])
        .orderBy('refunds.id')
        .executeTakeFirst()
      if (row) gateway.payBack(row.attempt_no, row.request_no, row.amount_fen)
    },
  }
}

const attemptsOf = ({ payments, orderId }: Placed) =>
  payments.db
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'provider', 'merchant'])
    .where('order_id', '=', orderId)
    .orderBy('id')
    .execute()

const refundsOf = ({ payments, orderId }: Placed, ...statuses: ('requested' | 'approved' | 'sent' | 'refused')[]) =>
  payments.db
    .selectFrom('refunds')
    .select(['id', 'request_no'])
    .where('order_id', '=', orderId)
    .where('status', 'in', statuses)
    .execute()

async function decide(placed: Placed, status: 'requested' | 'refused', how: typeof decisions.approveRefund) {
  const { db, clock } = placed.payments
  for (const { request_no: requestNo } of await refundsOf(placed, status)) {
    await db.transaction().execute((tx) => how(tx, { requestNo, by: staffOf(placed), now: clock() }))
  }
}

function refund(
  { payments: { db, clock }, orderId }: Placed,
  lines: { courseId: number; amount?: Fen }[],
  by: ReturnType<typeof buyerOf> | ReturnType<typeof staffOf>,
) {
  return db.transaction().execute((tx) => refundLines(tx, { orderId, lines, reason: 'model', by, now: clock() }))
}
