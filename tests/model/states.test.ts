/**
 * The transition tables as a model: random actions in random order on the real database must give the result that the
 * model predicts, and after any sequence of actions by people, gateways and clocks, the books agree in the end.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor, StateTable } from '../../apps/shop/src/orders/state-table.ts'
import { ORDER_TRANSITIONS } from '../../apps/shop/src/orders/states.ts'
import { transition } from '../../apps/shop/src/orders/transition.ts'
import { moveAttempt } from '../../apps/shop/src/payments/attempts/attempts.ts'
import { ATTEMPT_TRANSITIONS } from '../../apps/shop/src/payments/attempts/states.ts'
import { refundLines } from '../../apps/shop/src/payments/refunds/create.ts'
import { REFUND_TRANSITIONS } from '../../apps/shop/src/payments/refunds/states.ts'
import { moveRefund } from '../../apps/shop/src/payments/refunds/transition.ts'
import { ACTIONS, type Action } from './actions.ts'
import type { Mood } from './gateway.ts'
import { type Harness, openHarness, placeOrder, settleDown } from './harness.ts'
import { broken } from './invariants.ts'

let harness: Harness

beforeAll(async () => {
  harness = await openHarness()
})

afterAll(() => harness.close())

const moods: Mood[] = ['answers', 'answers', 'away', 'loses answers', 'refuses refunds']

const step = fc.record({
  action: fc.constantFrom<Action>(...ACTIONS),
  /** Which of the buyer's two orders; they have a course in common. */
  order: fc.constantFrom(0, 1),
  mood: fc.constantFrom<Mood>(...moods),
  seconds: fc.constantFrom(0, 1, 5, 90, 1200, 2400),
  /** Whether the next step starts before this one has ended. */
  together: fc.boolean(),
})

test('after any actions in any order, the books agree in the end', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 16 }), async (steps) => {
      const userId = await harness.newBuyer()
      const orders = [await placeOrder(harness, userId, [1, 2]), await placeOrder(harness, userId, [2, 3])]
      let running: Promise<unknown>[] = []
      for (const { action, order, mood, seconds, together } of steps) {
        harness.gateway.mood = mood
        harness.pass(seconds)
        running.push(orders[order]?.do(action) ?? Promise.resolve())
        if (together) continue
        await Promise.all(running)
        running = []
      }
      await Promise.all(running)
      await settleDown(harness, orders)
      expect(await broken(harness, [userId])).toEqual([])
    }),
    { numRuns: 300 },
  )
})

const actors: Actor[] = ['buyer', 'staff', 'gateway', 'job', 'shop']

/** Not a state's name: a refund may end as `refused`. */
const FORBIDDEN = 'never may'

/** What the table predicts: the resulting state, or that nothing happens, or that this actor is forbidden. */
function expected(table: StateTable<string>, event: string, status: string, actor: Actor): string {
  const found = table[event]
  if (!found?.by.includes(actor)) return FORBIDDEN
  return found.from.includes(status) ? found.to : status
}

const stepsOf = <Event extends string>(table: Record<Event, unknown>) =>
  fc.array(fc.tuple(fc.constantFrom(...(Object.keys(table) as Event[])), fc.constantFrom(...actors)), { maxLength: 12 })

interface Subject<Event extends string> {
  status(): Promise<string>
  lines(): Promise<number>
  move(event: Event, actor: Actor): Promise<unknown>
}

/** Walks the table at random: each step must do what the table says, and add one history entry, or none. */
async function walk<Event extends string>(
  table: StateTable<string>,
  steps: readonly (readonly [Event, Actor])[],
  { status, lines, move }: Subject<Event>,
): Promise<void> {
  for (const [event, actor] of steps) {
    const [before, written] = [await status(), await lines()]
    const outcome = expected(table, event, before, actor)
    const moved = await move(event, actor).then(Boolean, () => FORBIDDEN)
    const legal = outcome !== FORBIDDEN && table[event]?.from.includes(before) === true
    expect([event, actor, moved, await status()]).toEqual([
      event,
      actor,
      outcome === FORBIDDEN ? FORBIDDEN : legal,
      outcome === FORBIDDEN ? before : outcome,
    ])
    expect(await lines()).toBe(written + (legal ? 1 : 0))
  }
}

const at = () => harness.payments.clock()

async function read(text: string, value: unknown): Promise<string> {
  const { rows } = await harness.connection.pool.query<{ value: string }>(text, [value])
  return rows[0]?.value ?? ''
}

const countOf = async (subject: string, orderId: number) =>
  Number(
    await read(
      `select count(*)::text as value from order_history where subject = '${subject}' and order_id = $1`,
      orderId,
    ),
  )

test('an order moves only along its table, for every kind of request', async () => {
  await fc.assert(
    fc.asyncProperty(stepsOf(ORDER_TRANSITIONS), async (steps) => {
      const { orderId } = await placeOrder(harness, await harness.newBuyer(), [1])
      await walk(ORDER_TRANSITIONS as StateTable<string>, steps, {
        status: () => read('select status as value from orders where id = $1', orderId),
        lines: () => countOf('order', orderId),
        move: (event, actor) =>
          harness.payments.db
            .transaction()
            .execute((tx) => transition(tx, event, { orderId, at: at(), by: { actor }, reason: 'walk' })),
      })
    }),
    { numRuns: 60 },
  )
})

test('an attempt moves only along its table, for every kind of request', async () => {
  await fc.assert(
    fc.asyncProperty(stepsOf(ATTEMPT_TRANSITIONS), async (steps) => {
      const { orderId, orderNo } = await placeOrder(harness, await harness.newBuyer(), [1])
      await walk(ATTEMPT_TRANSITIONS as StateTable<string>, steps, {
        status: () => read('select status as value from payment_attempts where attempt_no = $1', orderNo),
        lines: () => countOf('attempt', orderId),
        move: (event, actor) => {
          const paid = event === 'pay' ? { paid_at: at() } : {}
          const move = { attemptNo: orderNo, at: at(), by: { actor }, reason: 'walk', set: { ask_at: null, ...paid } }
          return harness.payments.db.transaction().execute((tx) => moveAttempt(tx, event, move))
        },
      })
    }),
    { numRuns: 40 },
  )
})

test('a refund moves only along its table, for every kind of request', async () => {
  await fc.assert(
    fc.asyncProperty(stepsOf(REFUND_TRANSITIONS), async (steps) => {
      const userId = await harness.newBuyer()
      const order = await placeOrder(harness, userId, [1])
      for (const action of ['pay', 'notify'] as const) await order.do(action)
      const { db } = harness.payments
      const by = { actor: 'buyer', userId } as const
      const wish = { orderId: order.orderId, lines: [{ courseId: 1 }], reason: 'walk', by, now: at() }
      const { id } = await db.transaction().execute((tx) => refundLines(tx, wish))
      await walk(REFUND_TRANSITIONS as StateTable<string>, steps, {
        status: () => read('select status as value from refunds where id = $1', id),
        lines: () => countOf('refund', order.orderId),
        move: (event, actor) =>
          db
            .transaction()
            .execute((tx) =>
              moveRefund(tx, event, id, { at: at(), by: { actor }, reason: 'walk', set: { made_at: at() } }),
            ),
      })
    }),
    { numRuns: 40 },
  )
})

test('the database allows exactly the states of the tables', async () => {
  const { rows } = await harness.connection.pool.query<{ name: string; rule: string }>(
    `select conrelid::regclass::text as name, pg_get_constraintdef(oid) as rule from pg_constraint
     where contype = 'c' and pg_get_constraintdef(oid) like '%status = ANY%' and conrelid in
       ('orders'::regclass, 'payment_attempts'::regclass, 'refunds'::regclass)`,
  )
  const states = (table: StateTable<string>) =>
    [...new Set(Object.values(table).flatMap(({ from, to }) => [...from, to]))].sort()
  const tables = { orders: ORDER_TRANSITIONS, payment_attempts: ATTEMPT_TRANSITIONS, refunds: REFUND_TRANSITIONS }
  for (const [name, table] of Object.entries(tables)) {
    const known = rows
      .filter((row) => row.name === name)
      .map(({ rule }) => [...new Set([...rule.matchAll(/'(\w+)'::text/g)].map(([, state]) => state))].sort())
    expect(known, name).toContainEqual(states(table as StateTable<string>))
  }
})
