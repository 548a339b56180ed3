/** A class of forty behind one address buys at once, and the gateway notifies, while sixty sockets of the same address attack. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Harness, newBuyers, notificationOf, openHarness, placing, unpaidOrders } from '../../bench/harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

const SOCKETS = join(import.meta.dirname, '../../bench/hostile-sockets.ts')
const KINDS = ['orders of 32,000 courses', 'forged tokens', 'unsigned notifications', 'searches', 'pages']

test('everybody in the class gets an order, and every notification is answered and handled once', async () => {
  const { system, key } = harness
  const place = await placing(system, await newBuyers(system, 40))
  const child = fork(SOCKETS, [system.shopUrl, '60', '127.0.0.1', ...KINDS], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  try {
    await once(child, 'message')
    const send = async ({ method, path, headers, body }: ReturnType<typeof place>) => {
      const answer = await fetch(system.shopUrl + path, { method, headers: headers ?? {}, body: body ?? null })
      return `${answer.status} ${answer.headers.get('retry-after') ?? ''}${(await answer.text()).slice(0, 7)}`
    }
    /** A machine too slow for all at once answers 503; the buyer then retries. */
    const buy = async (pair: number): Promise<void> => {
      for (let tries = 0; tries < 60; tries += 1) {
        const answer = await send(place(pair))
        if (answer.startsWith('201')) return
        expect(answer).toMatch(/^503 \d/)
        await new Promise((done) => setTimeout(done, 1000))
      }
      throw new Error(`no order for buyer ${pair}`)
    }
    await Promise.all(Array.from({ length: 40 }, (_, buyer) => buy(buyer * 10)))
    const unpaid = await unpaidOrders(system)
    expect(unpaid).toHaveLength(40)
    const answers = await Promise.all(unpaid.map((order, index) => send(notificationOf(order, index, key))))
    expect(answers).toEqual(unpaid.map(() => '200 success'))
  } finally {
    child.disconnect()
    await once(child, 'exit')
  }
  const [{ paid } = { paid: 0 }] = await system.sql<{ paid: number }>(
    "select count(*)::int as paid from orders where status = 'paid'",
  )
  expect(paid).toBe(40)
})
