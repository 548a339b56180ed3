import { Readable } from 'node:stream'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createApplication } from './application.ts'
import { createOverload } from './load/overload.ts'

test('HEAD does not read the body that it will not send', async () => {
  const logger = pino({ level: 'silent' })
  const publicUrl = 'http://localhost:8000'
  const app = await createApplication({ logger, trustedProxies: 0, publicUrl, overload: createOverload(4) })
  let read = 0
  app.get('/film', (_request, reply) =>
    reply.header('content-length', 2 ** 30).send(
      new Readable({
        read() {
          read += 65_536
          this.push(read < 2 ** 22 ? Buffer.alloc(65_536) : null)
        },
      }),
    ),
  )
  const head = await app.inject({ method: 'HEAD', url: '/film' })
  await new Promise((done) => setTimeout(done, 50))
  expect([head.statusCode, head.headers['content-length'], read]).toEqual([200, String(2 ** 30), 0])
  expect((await app.inject({ method: 'GET', url: '/film' })).statusCode).toBe(200)
  expect(read).toBeGreaterThan(2 ** 21)
  await app.close()
})
