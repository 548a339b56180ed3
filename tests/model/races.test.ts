/** Two at once on every pair of operations, from every situation that matters; then everything settles, and the books must agree. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { broken } from './invariants.ts'
import { DEEDS, type Deed, openStage, play, type Stage, settleDown } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await openStage()
}, 60_000)

afterAll(() => stage.close())

/** How an order came to where two people now act on it at once. */
const SITUATIONS: Record<string, Deed[]> = {
  'an unpaid order whose cashier is open': ['open the link'],
  'paid at the gateway, and nobody has told us': ['open the link', 'pay'],
  'two links, the older one paid': ['pay again', 'pay an old link'],
  'two links, both paid': ['pay again', 'pay an old link', 'pay'],
  'two methods, both paid': ['pay again by the other method', 'pay an old link', 'pay'],
  'paid by the other method, a refund on its way': [
    'pay again by the other method',
    'pay',
    'notify',
    'refund a line',
    'send refunds',
  ],
  'paid, a refund asked for': ['pay', 'notify', 'ask for a refund'],
  'paid, a refund being sent': ['pay', 'notify', 'refund a line'],
  'paid, in parts': ['pay', 'notify', 'refund a part'],
  'cancelled, and paid all the same': ['cancel', 'pay late'],
  'expired, and paid late': ['expire', 'pay late'],
}

const PAIRS = DEEDS.flatMap((one, index) => DEEDS.slice(index).map((other) => [one, other] as const))
const AT_ONCE = 16

test.each(Object.entries(SITUATIONS))(
  '%s: every pair of operations at once',
  { timeout: 120_000 },
  async (_, before) => {
    for (let start = 0; start < PAIRS.length; start += AT_ONCE) {
      const races = await Promise.all(
        PAIRS.slice(start, start + AT_ONCE).map(async ([one, other]) => {
          const userId = await stage.newBuyer()
          const order = await play(stage, userId, [1, 2])
          for (const deed of before) await order.do(deed)
          await Promise.all([order.do(one), order.do(other)])
          return { order, userId, name: `${one} + ${other}` }
        }),
      )
      await settleDown(
        stage,
        races.map(({ order }) => order),
      )
      for (const { userId, name } of races) expect(await broken(stage, [userId]), name).toEqual([])
    }
  },
)
