/** Raw connections that would never end: the shop has a deadline for each read. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFor, sendRaw } from '../harness/fuzz/raw-http.ts'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { RunningSystem } from '../harness/system.ts'

let system: RunningSystem
let token: string

beforeAll(async () => {
  system = await borrowShop()
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  token = staff.token ?? ''
})
afterAll(() => system?.stop())

/** On an idle machine they end after 2, 16, 20, 30 and 36 seconds. */
const LIMIT_MS = 110_000

const head = (first: string, ...headers: string[]) => `${[first, 'host: shop', ...headers].join('\r\n')}\r\n\r\n`
const film = ['content-type: multipart/form-data; boundary=x', 'content-length: 1000000000']

test.concurrent.each([
  ['a GET whose body drips', head('GET /api/courses HTTP/1.1', 'content-length: 100000'), 'x'],
  ['a HEAD whose body drips', head('HEAD / HTTP/1.1', 'content-length: 100000'), 'x'],
  ['a body without an end', head('GET / HTTP/1.1', 'transfer-encoding: chunked'), '1\r\nx\r\n'],
  ['an upload before its login', head('POST /api/admin/uploads HTTP/1.1', ...film), 'x'.repeat(5000)],
  ['headers without an end', 'GET / HTTP/1.1\r\nhost: shop\r\n', 'x: y\r\n'],
  ['nothing at all', '', ''],
  [
    'a registration whose body drips',
    head('POST /api/users HTTP/1.1', 'content-type: application/json', 'content-length: 500'),
    ' ',
  ],
  ['a notification that drips', head('POST /api/payments/alipay/notify HTTP/1.1', 'content-length: 100000'), 'x'],
])('%s ends', async (_name, bytes, drip) => {
  expect(await openFor(system.shopUrl, bytes, drip, LIMIT_MS)).toBeLessThan(LIMIT_MS - 1000)
})

test.concurrent('an upload that hardly progresses is ended', async () => {
  const part = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
  const own = `host: ${new URL(system.shopUrl).host}`
  const lines = ['POST /api/admin/uploads HTTP/1.1', own, ...film, `authorization: Bearer ${token}`]
  const bytes = `${lines.join('\r\n')}\r\n\r\n${part}`
  expect(await openFor(system.shopUrl, bytes, 'x', LIMIT_MS)).toBeLessThan(LIMIT_MS - 1000)
})

test('a client that is refused while it still sends gets the reason', async () => {
  const bytes = head('POST /api/admin/uploads HTTP/1.1', ...film)
  expect((await sendRaw(system.shopUrl, bytes, { drip: 'x'.repeat(100_000), every: 20 })).status).toBe(401)
})
