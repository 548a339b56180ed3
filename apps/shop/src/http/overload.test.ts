import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createApplication } from './application.ts'
import { createOverload } from './overload.ts'

test('however an address is written, its request stands in the same line', async () => {
  const overload = createOverload(12)
  const of = { trustedProxies: 0, publicUrl: 'http://localhost:8000' }
  const app = await createApplication({ logger: pino({ level: 'silent' }), overload, ...of })
  const held = Promise.withResolvers<string>()
  app.get('/api/slow', () => held.promise)
  app.get('/*', () => held.promise)
  const answers = ['/api/slow', '/%61pi/slow', '/a%70i/slow', '/about'].map((url) => app.inject({ url }))
  await expect.poll(() => overload.admission.inHand('browsing')).toBe(3)
  await expect.poll(() => overload.admission.inHand('page')).toBe(1)
  held.resolve('there')
  expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200])
  expect(overload.admission.inHand('browsing')).toBe(0)
  await app.close()
})
