import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { batchLoader } from './batch-loader.ts'

/** Doubles numbers, refuses negative ones, and records its batches. */
function doubling() {
  const batches: number[][] = []
  const ask = batchLoader(async (numbers: readonly number[]) => {
    batches.push([...numbers])
    await new Promise((done) => setImmediate(done))
    if (numbers.some((number) => number < 0)) throw new RangeError('negative')
    return numbers.map((number) => 2 * number)
  })
  return { batches, ask }
}

test('concurrent calls are read in one batch, and each gets its own answer', async () => {
  const { batches, ask } = doubling()
  expect(await Promise.all([1, 2, 3].map(ask))).toEqual([2, 4, 6])
  expect(batches).toEqual([[1, 2, 3]])
  expect(await ask(4)).toBe(8)
  expect(batches).toEqual([[1, 2, 3], [4]])
})

test('at most two reads run at once, each of at most a hundred', async () => {
  let underWay = 0
  let most = 0
  const sizes: number[] = []
  const ask = batchLoader(async (numbers: readonly number[]) => {
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

test('one refused question does not fail the others', async () => {
  const { ask } = doubling()
  const asked = await Promise.allSettled([1, -2, 3].map(ask))
  expect(asked.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([2, 'failed', 6])
  expect(await ask(5)).toBe(10)
})

test('a question that is refused late does not fail the others either', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  try {
    const ask = batchLoader(async (numbers: readonly number[]) => {
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

test('a silent database is waited for once, not once per batch and once per question', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  try {
    let reads = 0
    const ask = batchLoader(async (_numbers: readonly number[]): Promise<number[]> => {
      reads += 1
      await new Promise((done) => setTimeout(done, 9000))
      throw new Error('Query read timeout')
    })
    const first = [1, 2, 3].map(ask)
    await new Promise((done) => setImmediate(done))
    const second = ask(4)
    await new Promise((done) => setImmediate(done))
    const third = ask(5) // two reads are running, so it waits for the next one
    const asked = Promise.allSettled([...first, second, third])
    await vi.advanceTimersByTimeAsync(9000)
    expect((await asked).map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
    expect(reads).toBe(2)
  } finally {
    vi.useRealTimers()
  }
})
