import { expect, test } from 'vitest'
import { oneAtATime } from './one-at-a-time.ts'

function opened() {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const ask = oneAtATime((key: string) => {
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

test('a thousand who ask for the same are two runs, and each hears of one that began after they asked', async () => {
  const { ask, begun, end } = opened()
  const heard: string[] = []
  void ask('a').then(() => heard.push('first'))
  const others = Array.from({ length: 999 }, () => ask('a').then(() => heard.push('other')))
  void ask('b').then(() => heard.push('b'))
  expect(begun).toEqual(['a', 'b'])
  await end(0)
  expect(heard).toEqual(['first'])
  expect(begun).toEqual(['a', 'b', 'a'])
  void ask('a').then(() => heard.push('late'))
  await end(2)
  await Promise.all(others)
  expect(heard.filter((each) => each === 'other')).toHaveLength(999)
  expect(begun).toEqual(['a', 'b', 'a', 'a'])
  await end(3)
  expect(heard.at(-1)).toBe('late')
  // Nobody waits any more: the next one begins at once.
  void ask('a')
  expect(begun).toHaveLength(5)
})

test('a run that fails is the failure of those who shared it only', async () => {
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
