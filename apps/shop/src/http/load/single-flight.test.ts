import { expect, test } from 'vitest'
import { singleFlight } from './single-flight.ts'

function opened() {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const ask = singleFlight((key: string) => {
    begun.push(key)
    return new Promise<void>((done, failed) => {
      ends.push(key.startsWith('bad') && begun.length === 1 ? () => failed(new Error('no answer')) : done)
    })
  })
  const end = async (index: number) => {
    ends[index]?.()
    await new Promise((done) => setImmediate(done))
  }
  return { ask, begun, end }
}

test('a thousand concurrent calls are two runs, and each caller gets a run that began after its call', async () => {
  const { ask, begun, end } = opened()
  const results: string[] = []
  void ask('a').then(() => results.push('first'))
  const others = Array.from({ length: 999 }, () => ask('a').then(() => results.push('other')))
  void ask('b').then(() => results.push('b'))
  expect(begun).toEqual(['a', 'b'])
  await end(0)
  expect(results).toEqual(['first'])
  expect(begun).toEqual(['a', 'b', 'a'])
  void ask('a').then(() => results.push('late'))
  await end(2)
  await Promise.all(others)
  expect(results.filter((each) => each === 'other')).toHaveLength(999)
  expect(begun).toEqual(['a', 'b', 'a', 'a'])
  await end(3)
  expect(results.at(-1)).toBe('late')
  // No caller waits any more, so the next run begins at once.
  void ask('a')
  expect(begun).toHaveLength(5)
})

test('a failed run rejects only the callers that shared it', async () => {
  const { ask, end } = opened()
  const first = ask('bad').then(
    () => 'answered',
    () => 'failed',
  )
  const second = ask('bad').then(
    () => 'answered',
    () => 'failed',
  )
  await end(0)
  await end(1)
  expect([await first, await second]).toEqual(['failed', 'answered'])
})
