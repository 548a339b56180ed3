import { expect, test } from 'vitest'
import { verdict } from './verdict.ts'

test('awaited, it is the verdict; not awaited, reading it throws and names the missing await', async () => {
  const promise = verdict('verifyNotification', Promise.resolve({ ok: true, id: 1 }))
  expect(() => Reflect.get(promise, 'ok')).toThrow(/await verifyNotification/)
  expect(await promise).toEqual({ ok: true, id: 1 })
  await expect(promise.then(({ ok }) => ok)).resolves.toBe(true)
})
