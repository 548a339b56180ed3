import { expect, test } from 'vitest'
import { createAllowance } from './unsigned.ts'

const MB = 2 ** 20

test('of what nobody signed 32 MB are kept at once, then one more a minute', () => {
  let now = 0
  const mayKeep = createAllowance(() => now)
  const kept = (each: number, times: number) =>
    Array.from({ length: times }, () => mayKeep(each)).filter(Boolean).length
  expect(kept(MB, 100)).toBe(32)
  expect(mayKeep(1)).toBe(false)
  now += 60_000
  expect(kept(MB / 4, 100)).toBe(4)
  now += 86_400_000
  expect(kept(MB, 100)).toBe(32)
})
