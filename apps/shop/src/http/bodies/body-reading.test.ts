/**
 * Slow and unread bodies, over raw sockets: each connection ends, and a client that sends too early gets its answer.
 */
import { connect, type Socket } from 'node:net'
import { pino } from 'pino'
import { Type } from 'typebox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Application, createApplication } from '../application.ts'
import { createOverload } from '../load/overload.ts'

let app: Application
let port: number
const read: number[] = []

beforeAll(async () => {
  const patience = { bodyMs: 300, bytesPerSecond: 50_000, rateWindowMs: 300, restMs: 200, restBytes: 100_000 }
  const publicUrl = 'http://localhost'
  const logger = pino({ level: 'silent' })
  app = await createApplication({ logger, trustedProxies: 0, publicUrl, overload: createOverload(4), patience })
  app.get('/api/get', () => 'here')
  app.post('/api/small', { schema: { body: Type.Object({ a: Type.String({ maxLength: 9 }) }) } }, () => 'here')
  app.post('/api/refused', { onRequest: (_request, reply) => void reply.code(401).send('no') }, () => 'never')
  app.addContentTypeParser('text/film', (_request, _stream, done) => done(null))
  app.post('/api/film', { config: { slowBody: true }, bodyLimit: 1_000_000 }, async (request) => {
    let bytes = 0
    for await (const chunk of request.raw) bytes += (chunk as Buffer).length
    read.push(bytes)
    return 'kept'
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  port = typeof address === 'object' && address ? address.port : 0
})
afterAll(() => app.close())

/** Sends the head, then the body drop by drop; resolves with everything received once the connection has ended. */
async function talk(head: string, { drip = '', every = 50 } = {}): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => {})
  socket.write(`${head}\r\nhost: x\r\n\r\n`)
  const timer = drip ? setInterval(() => socket.writable && socket.write(drip), every) : undefined
  await closed(socket)
  clearInterval(timer)
  return text
}

const closed = (socket: Socket) => new Promise<void>((done) => socket.once('close', () => done()))

test('a GET and a HEAD whose bodies drip are answered, and their connections end', async () => {
  const head = 'HTTP/1.1\r\ncontent-length: 100000'
  expect(await talk(`GET /api/get ${head}`, { drip: 'x' })).toContain('here')
  expect(await talk(`HEAD /api/get ${head}`, { drip: 'x' })).toContain('200 OK')
  expect(await talk('GET /api/get HTTP/1.1\r\ntransfer-encoding: chunked', { drip: '1\r\nx\r\n' })).toContain('here')
})

test('a request refused before its body is answered without it, while the client drips or sends endlessly', async () => {
  const head = 'POST /api/refused HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 100000000'
  for (const drip of ['', 'x', 'x'.repeat(50_000)]) expect(await talk(head, { drip, every: 10 })).toMatch(/401.*no$/s)
})

test('a short unread body keeps the connection open for the next request', async () => {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  const once = 'POST /api/refused HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello'
  socket.write(once)
  await expect.poll(() => text).toContain('401')
  text = ''
  socket.write('GET /api/get HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  await closed(socket)
  expect(text).toContain('here')
})

test('a dripping body and a missing body end the connection', async () => {
  const head = 'POST /api/small HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 1000'
  expect(await talk(head, { drip: 'x' })).toBe('')
  expect(await talk(head)).toBe('')
})

test('an upload that is too slow ends; one that keeps its rate is stored, however long it takes', async () => {
  const head = 'POST /api/film HTTP/1.1\r\ncontent-type: text/film\r\nconnection: close\r\ncontent-length:'
  expect(await talk(`${head} 900000`, { drip: 'x' })).toBe('')
  expect(read).toEqual([])
  // Takes several rate windows.
  expect(await talk(`${head} 900000`, { drip: 'x'.repeat(20_000), every: 25 })).toContain('kept')
  expect(read).toEqual([900_000])
})
