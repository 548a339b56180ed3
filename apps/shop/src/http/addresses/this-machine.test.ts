/** Which requests count as made on this machine; in doubt, none. */
import fastify, { type InjectOptions } from 'fastify'
import { expect, test } from 'vitest'
import { isFromThisMachine } from './this-machine.ts'

async function isThisMachine(trustedProxies: number, request: InjectOptions): Promise<string> {
  const app = fastify({ trustProxy: (_address, hop) => hop < trustedProxies })
  app.get('/', (asked) => String(isFromThisMachine(asked, trustedProxies)))
  const headers = { host: '127.0.0.1:8000', ...request.headers }
  return (await app.inject({ url: '/', ...request, headers })).payload
}

const LOCAL: InjectOptions[] = [
  {},
  { remoteAddress: '::1', headers: { host: '[::1]:8000' } },
  { remoteAddress: '::ffff:127.0.0.1', headers: { host: 'localhost' } },
]
test.each(LOCAL)('%j is', async (request) => {
  expect(await isThisMachine(0, request)).toBe('true')
})

const ELSEWHERE: InjectOptions[] = [
  { remoteAddress: '192.168.1.7' },
  { remoteAddress: '::ffff:203.0.113.7' },
  { headers: { host: 'shop.example' } },
  { headers: { host: '127.0.0.1.shop.example' } },
  ...['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host', 'x-forwarded-proto'].map((name) => ({
    headers: { [name]: '127.0.0.1' },
  })),
]
test.each(ELSEWHERE)('%j is not', async (request) => {
  expect(await isThisMachine(0, request)).toBe('false')
})

test('behind a known proxy, the client that the proxy reports decides, and a missing entry is not local', async () => {
  const forwarded = (...entries: string[]) => ({ headers: { 'x-forwarded-for': entries.join(', ') } })
  expect(await isThisMachine(1, forwarded('127.0.0.1'))).toBe('true')
  expect(await isThisMachine(1, forwarded('203.0.113.7'))).toBe('false')
  // Another proxy on this machine is in front of the known one.
  expect(await isThisMachine(1, forwarded('203.0.113.7', '127.0.0.1'))).toBe('false')
  expect(await isThisMachine(2, forwarded('203.0.113.7', '127.0.0.1'))).toBe('false')
  expect(await isThisMachine(1, {})).toBe('false')
})
