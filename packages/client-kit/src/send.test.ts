/** One request over a real connection: what was sent, what was received, and what remains unknown. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { createServer as createRaw } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { send } from './send.ts'

const open: Server[] = []

afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(server)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const serve = (listener: RequestListener) => listen(createServer({ keepAliveTimeout: 1 }, listener))

const get = (url: string, { signal = AbortSignal.timeout(2000), maxBytes = 100 } = {}) =>
  send({ url, method: 'GET', headers: {} }, { fetch, signal, timeoutMs: 2000, maxBytes })

test('status, headers and bytes are returned unchanged, whatever the status', async () => {
  const url = await serve((_, response) => response.writeHead(418, { 'x-a': 'b' }).end('teapot'))
  const { status, headers, body } = await get(url)
  expect([status, headers.get('x-a'), body.toString()]).toEqual([418, 'b', 'teapot'])
})

test('no redirect is followed', async () => {
  let requests = 0
  const url = await serve((_, response) => {
    requests += 1
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect((await get(url)).status).toBe(302)
  expect(requests).toBe(1)
})

describe('perhaps received:', () => {
  test('an answer larger than the limit', async () => {
    const url = await serve((_, response) => response.end('x'.repeat(101)))
    await expect(get(url)).rejects.toMatchObject({ name: 'UnknownOutcomeError', code: 'ANSWER_TOO_LARGE' })
  })

  test('a connection that breaks after the request', async () => {
    const url = await listen(createRaw((socket) => socket.once('data', () => socket.destroy())))
    await expect(get(url)).rejects.toMatchObject({ name: 'UnknownOutcomeError', code: 'CONNECTION_LOST' })
  })

  test('a time-out or an abort while waiting', async () => {
    const gone = new AbortController()
    const url = await serve((_, response) => {
      gone.abort()
      response.flushHeaders()
    })
    const waiting = get(url, { signal: gone.signal })
    await expect(waiting).rejects.toMatchObject({ name: 'UnknownOutcomeError', code: 'ABORTED' })
    const late = get(url, { signal: AbortSignal.timeout(50) })
    await expect(late).rejects.toMatchObject({ name: 'UnknownOutcomeError', code: 'TIMED_OUT' })
  })
})

describe('never sent:', () => {
  test('no server listens', async () => {
    const url = await serve(() => undefined)
    await new Promise((resolve) => open.pop()?.close(resolve))
    await expect(get(url)).rejects.toMatchObject({ name: 'NotSentError', code: 'NOT_CONNECTED' })
  })

  test('a host that does not exist', async () => {
    await expect(get('http://nowhere.invalid/')).rejects.toMatchObject({ name: 'NotSentError', code: 'NOT_CONNECTED' })
  })

  test('aborted before sending', async () => {
    const signal = AbortSignal.abort()
    await expect(get('http://127.0.0.1:1/', { signal })).rejects.toMatchObject({
      name: 'NotSentError',
      code: 'ABORTED',
    })
  })
})
