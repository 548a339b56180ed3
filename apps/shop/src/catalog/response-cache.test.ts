/** Cache misses are read one at a time, in fair turns between clients, and the queue for them is bounded. */
import { expect, test } from 'vitest'
import type { Subscriptions } from '../db/pub-sub.ts'
import { createResponseCache } from './response-cache.ts'

const subscriptions = { live: true, on: () => () => {} } as unknown as Subscriptions

test('a hundred new questions at once: one is read at a time, some wait, the others are refused with a retry time', async () => {
  const kept = createResponseCache(subscriptions)
  let underWay = 0
  let most = 0
  const turns: (() => void)[] = []
  const read = async () => {
    underWay += 1
    most = Math.max(most, underWay)
    await new Promise<void>((turn) => turns.push(turn))
    underWay -= 1
    return 'an answer'
  }
  const asked = Array.from({ length: 100 }, (_, index) =>
    kept.get(`question ${index}`, 'flood', read).then(
      () => 'answered',
      (error: unknown) => (error instanceof Error ? error.message.slice(0, 10) : ''),
    ),
  )
  const all = Promise.all(asked)
  while (turns.length > 0 || underWay > 0) {
    turns.shift()?.()
    await new Promise((done) => setImmediate(done))
  }
  const outcomes = await all
  expect(most).toBe(1)
  expect(outcomes.filter((each) => each === 'answered')).toHaveLength(65)
  expect(outcomes.filter((each) => each === 'OVERLOADED')).toHaveLength(35)
  // A cached response does not wait for a turn.
  expect((await kept.get('question 0', 'flood', read)).toString()).toBe('"an answer"')
})

test('a question that fails gives its turn on', async () => {
  const kept = createResponseCache(subscriptions)
  const fails = () => Promise.reject(new Error('no'))
  for (let count = 0; count < 5; count += 1) await expect(kept.get('x', 'a', fails)).rejects.toThrow('no')
  expect((await kept.get('x', 'a', async () => 1)).toString()).toBe('1')
})

test('beside a hundred of one sender, another one is second in turn', async () => {
  const kept = createResponseCache(subscriptions)
  const order: string[] = []
  const ask = (key: string, sender: string) =>
    kept
      .get(key, sender, async () => {
        order.push(key)
        await new Promise((done) => setImmediate(done))
      })
      .catch(() => {})
  const flood = Array.from({ length: 100 }, (_, index) => ask(`flood ${index}`, 'flood'))
  await Promise.all([...flood, ask('visitor', 'visitor')])
  expect(order.slice(0, 3)).toEqual(['flood 0', 'flood 1', 'visitor'])
  expect(order).toHaveLength(65)
})
