import { expect, test } from 'vitest'
import { ShopError } from '../../errors.ts'
import { withCircuitBreaker } from './circuit-breaker.ts'

function rig() {
  let time = 0
  const through = withCircuitBreaker(() => time)
  const calls: string[] = []
  const call = (name: string, seconds: number, fails: boolean) =>
    through(async () => {
      calls.push(name)
      time += seconds * 1000
      if (fails) throw new ShopError('GATEWAY_UNAVAILABLE')
      return name
    }).catch((error: unknown) => error)
  return { call, calls, pass: (seconds: number) => (time += seconds * 1000) }
}

test('after three calls in a row without an answer nobody waits, but for one every few seconds; an answer ends it', async () => {
  const { call, calls, pass } = rig()
  for (const name of ['1', '2', '3']) await call(name, 8, true)
  expect(await call('refused', 0, false)).toMatchObject({ code: 'GATEWAY_UNAVAILABLE', retryAfterSeconds: 5 })
  pass(5)
  await call('tried', 8, true)
  await call('refused', 0, false)
  pass(5)
  expect(await call('answered', 1, false)).toBe('answered')
  expect(await call('again', 1, false)).toBe('again')
  expect(calls).toEqual(['1', '2', '3', 'tried', 'answered', 'again'])
})

test('a gateway that refuses quickly is not one that hangs', async () => {
  const { call, calls } = rig()
  for (let time = 0; time < 9; time += 1) await call('refused there', 0.1, true)
  for (let time = 0; time < 2; time += 1) await call('slow', 8, true)
  await call('refused there', 0.1, true)
  await call('slow', 8, true)
  expect(await call('answered', 1, false)).toBe('answered')
  expect(calls).toHaveLength(14)
})

test('no more than so many are out at once', async () => {
  const through = withCircuitBreaker()
  const { promise, resolve } = Promise.withResolvers<string>()
  const out = Array.from({ length: 64 }, () => through(() => promise))
  await expect(through(async () => 'one more')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  resolve('answered')
  expect(new Set(await Promise.all(out))).toEqual(new Set(['answered']))
  expect(await through(async () => 'one more')).toBe('one more')
})
