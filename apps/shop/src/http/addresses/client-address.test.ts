import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createApplication } from '../application.ts'
import { createOverload } from '../load/overload.ts'
import { plainAddress } from './client-address.ts'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:51234', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:cb00:7107', '203.0.113.7'],
  ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
  ['[2001:DB8::1]:443', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['unknown', undefined],
  ['_hidden', undefined],
  ['', undefined],
  ['203.0.113', undefined],
  ['203.0.113.7 ; drop', undefined],
])('%s is the address %s', (written, address) => expect(plainAddress(written)).toBe(address))

test.each([
  [1, '203.0.113.7:51234', '203.0.113.7'],
  [1, '::ffff:203.0.113.7', '203.0.113.7'],
  [1, 'unknown', '127.0.0.1'],
  [2, '203.0.113.7:1, 198.51.100.2:2', '203.0.113.7'],
  [2, 'unknown, 198.51.100.2:2', '198.51.100.2'],
  [1, '192.0.2.9, 203.0.113.7', '203.0.113.7'],
  [0, '203.0.113.7', '127.0.0.1'],
])('behind %i proxies that say %s the client is %s', async (trustedProxies, said, client) => {
  const logger = pino({ level: 'silent' })
  const publicUrl = 'http://localhost:8000'
  const app = await createApplication({ logger, trustedProxies, publicUrl, overload: createOverload(4) })
  app.get('/who', (request) => ({ address: request.ip }))
  const answer = await app.inject({
    url: '/who',
    headers: { 'x-forwarded-for': said },
    remoteAddress: '::ffff:127.0.0.1',
  })
  expect(answer.json()).toEqual({ address: client })
  await app.close()
})
