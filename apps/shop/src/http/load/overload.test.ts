import type { FastifyRequest } from 'fastify'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createApplication } from '../application.ts'
import { createOverload, noteVerified } from './overload.ts'

test('however an address is written, its request gets the same priority', async () => {
  const overload = createOverload(12)
  const of = { trustedProxies: 0, publicUrl: 'http://localhost:8000' }
  const app = await createApplication({ logger: pino({ level: 'silent' }), overload, ...of })
  const held = Promise.withResolvers<string>()
  app.get('/api/slow', () => held.promise)
  app.get('/*', () => held.promise)
  const answers = ['/api/slow', '/%61pi/slow', '/a%70i/slow', '/about'].map((url) => app.inject({ url }))
  await expect.poll(() => overload.shedder.inHand('browsing')).toBe(3)
  await expect.poll(() => overload.shedder.inHand('page')).toBe(1)
  held.resolve('there')
  expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200])
  expect(overload.shedder.inHand('browsing')).toBe(0)
  await app.close()
})

test('a flood from one address delays a visitor at another, and an account at the same address, by a few requests', async () => {
  const accountOf = (request: FastifyRequest) => request.headers.authorization
  const overload = createOverload(1, accountOf)
  const of = { trustedProxies: 0, publicUrl: 'http://localhost:8000' }
  const app = await createApplication({ logger: pino({ level: 'silent' }), overload, ...of })
  const open: (() => void)[] = []
  app.get('/api/slow', () => new Promise((done) => open.push(() => done('there'))))
  const answered: string[] = []
  const ask = (name: string, remoteAddress: string, headers = {}) =>
    app.inject({ url: '/api/slow', remoteAddress, headers }).then(({ statusCode }) => {
      answered.push(`${name} ${statusCode}`)
    })
  const all = [
    ...Array.from({ length: 20 }, (_, index) => ask(`flood ${index}`, '127.0.0.2')),
    ask('visitor', '127.0.0.3'),
    ask('account', '127.0.0.2', { authorization: 'a buyer' }),
  ]
  await expect.poll(() => overload.shedder.waiting('browsing')).toBe(20)
  // There are two slots, and each released one goes to the sender whose turn it is.
  for (let count = 1; count <= 5; count += 1) {
    await expect.poll(() => open.length, { interval: 1 }).toBeGreaterThan(0)
    open.shift()?.()
    await expect.poll(() => answered.length, { interval: 1 }).toBe(count)
  }
  expect(answered.sort()).toEqual(['account 200', 'flood 0 200', 'flood 1 200', 'flood 2 200', 'visitor 200'])
  const goesOn = setInterval(() => open.shift()?.(), 1)
  await Promise.all(all)
  clearInterval(goesOn)
  await app.close()
})

test('after a notification with an invalid signature, those of the same sender come last until one is valid', async () => {
  const overload = createOverload(12)
  const of = { trustedProxies: 0, publicUrl: 'http://localhost:8000' }
  const app = await createApplication({ logger: pino({ level: 'silent' }), overload, ...of })
  const held: { line: string; done: () => void }[] = []
  app.post('/notify/:signed', { config: { priority: 'notification' }, bodyLimit: 10 }, async ({ params, ip }) => {
    await new Promise<void>((done) => held.push({ line: ip, done }))
    noteVerified((params as { signed: string }).signed === 'yes')
    return 'kept'
  })
  const inHand = () => [overload.shedder.inHand('notification'), overload.shedder.inHand('unverified')]
  const send = async (signed: 'yes' | 'no', remoteAddress: string, expected: readonly number[]) => {
    const answer = app.inject({ method: 'POST', url: `/notify/${signed}`, remoteAddress })
    await expect.poll(() => held.length).toBe(1)
    expect(inHand()).toEqual(expected)
    held.shift()?.done()
    expect((await answer).statusCode).toBe(200)
  }
  await send('no', '127.0.0.2', [1, 0])
  await send('no', '127.0.0.2', [0, 1])
  await send('yes', '127.0.0.3', [1, 0])
  await send('yes', '127.0.0.2', [0, 1])
  await send('yes', '127.0.0.2', [1, 0])
  expect(inHand()).toEqual([0, 0])
  await app.close()
})
