import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { inBatches } from './batches.ts'

/** Doubles numbers, refuses negative ones, and tells what it was asked together. */
function doubling() {
  const batches: number[][] = []
  const ask = inBatches(async (numbers: readonly number[]) => {
    batches.push([...numbers])
    await new Promise((done) => setImmediate(done))
    if (numbers.some((number) => number < 0)) throw new RangeError('negative')
    return numbers.map((number) => 2 * number)
  })
  return { batches, ask }
}

test('what is asked at once is read at once, and everybody gets their own answer', async () => {
  const { batches, ask } = doubling()
  expect(await Promise.all([1, 2, 3].map(ask))).toEqual([2, 4, 6])
  expect(batches).toEqual([[1, 2, 3]])
  expect(await ask(4)).toBe(8)
  expect(batches).toEqual([[1, 2, 3], [4]])
})

test('however many ask, two reads are under way at most, each of a hundred at most', async () => {
  let underWay = 0
  let most = 0
  const sizes: number[] = []
  const ask = inBatches(async (numbers: readonly number[]) => {
    underWay += 1
    most = Math.max(most, underWay)
    sizes.push(numbers.length)
    await new Promise((done) => setImmediate(done))
    underWay -= 1
    return numbers
  })
  const all = Array.from({ length: 250 }, (_, index) => index)
  expect(await Promise.all(all.map(ask))).toEqual(all)
  expect([most, sizes]).toEqual([2, [100, 100, 50]])
})

test('one that cannot be read is nobody else’s failure', async () => {
  const { ask } = doubling()
  const asked = await Promise.allSettled([1, -2, 3].map(ask))
  expect(asked.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([2, 'failed', 6])
  expect(await ask(5)).toBe(10)
})

test('a question that is refused late is nobody else’s failure either', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  try {
    const ask = inBatches(async (numbers: readonly number[]) => {
      await new Promise((done) => setTimeout(done, 3000))
      const refusal = Object.assign(new pg.DatabaseError('invalid byte sequence', 0, 'error'), { code: '22021' })
      if (numbers.includes(2)) throw refusal
      return numbers
    })
    const asked = Promise.allSettled([1, 2, 3].map(ask))
    await vi.advanceTimersByTimeAsync(10_000)
    expect((await asked).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  } finally {
    vi.useRealTimers()
  }
})

test('a database that says nothing is waited for once, not once together and once alone', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  try {
    let reads = 0
    const ask = inBatches(async (_numbers: readonly number[]): Promise<number[]> => {
      reads += 1
      await new Promise((done) => setTimeout(done, 9000))
      throw new Error('Query read timeout')
    })
    const first = [1, 2, 3].map(ask)
    await new Promise((done) => setImmediate(done))
    const second = ask(4)
    await new Promise((done) => setImmediate(done))
    const third = ask(5) // two reads are under way: it waits for the next
    const asked = Promise.allSettled([...first, second, third])
    await vi.advanceTimersByTimeAsync(9000)
    expect((await asked).map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
    expect(reads).toBe(2)
  } finally {
    vi.useRealTimers()
  }
})
