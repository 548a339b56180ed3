/** Requests that our pages never send: unusual methods, numbers out of range, streams that stay open. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAX_STREAMS } from '../../apps/shop/src/orders/streams.ts'
import { borrowShop } from '../harness/shared/borrow.ts'
import { type RunningSystem, until } from '../harness/system.ts'

let system: RunningSystem

beforeAll(async () => {
  system = await borrowShop()
})
afterAll(() => system?.stop())

test('answers under /api are never cached on the way', async () => {
  const buyer = await system.buyer()
  for (const path of ['/api/me', '/api/orders', '/api/me/courses', '/api/courses', '/api/orders/NONE']) {
    const response = await fetch(`${system.shopUrl}${path}`, { headers: { authorization: `Bearer ${buyer.token}` } })
    expect([path, response.headers.get('cache-control')]).toEqual([path, expect.stringContaining('no-store')])
  }
})

test('HEAD of a video gives its length', async () => {
  const [lesson] = await system.sql<{ course_id: number; id: number }>(
    `select chapters.course_id, lessons.id from lessons join chapters on chapters.id = chapter_id
     where preview and video is not null limit 1`,
  )
  if (!lesson) throw new Error('no lesson with a video is free')
  const url = `${system.shopUrl}/api/courses/${lesson.course_id}/lessons/${lesson.id}/video`
  const whole = await fetch(url)
  const bytes = (await whole.arrayBuffer()).byteLength
  const head = await fetch(url, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes)])
  const part = await fetch(url, { method: 'HEAD', headers: { range: 'bytes=10-19' } })
  expect([part.status, part.headers.get('content-length')]).toEqual([206, '10'])
})

test('a number too large for its column is refused as invalid, not as an internal error', async () => {
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const cursor = Buffer.from('[0,99999999999999]').toString('base64url')
  expect((await staff.call('GET', `/api/courses?cursor=${cursor}`)).status).toBe(422)
  expect([404, 422]).toContain((await staff.call('GET', '/api/admin/buyers/99999999999999')).status)
})

test('a stream of events ends with its session', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const response = await fetch(`${system.shopUrl}/api/orders/${body.orderNo}/events`, {
    headers: { authorization: `Bearer ${buyer.token}` },
  })
  const reader = response.body?.getReader()
  expect(Buffer.from((await reader?.read())?.value ?? '').toString()).toContain('"status":"unpaid"')
  await buyer.call('DELETE', '/api/session')
  // Later changes of the order are no longer sent to them.
  await system.sandbox.pay(body.payUrl)
  const rest = async () => {
    let text = ''
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
      text += Buffer.from(part.value).toString()
    return text
  }
  expect(await rest()).not.toContain('"status":"paid"')
  await until(
    () => system.sql<{ status: string }>('select status from orders where order_no = $1', [body.orderNo]),
    ([order]) => order?.status === 'paid',
  )
})

test('a buyer has a limited number of event streams in a process; a refused page can poll, and a closed one frees its place', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const open: AbortController[] = []
  // An answer that nothing refers to any more is cancelled by the garbage collector, which makes room.
  const answers: Response[] = []
  const watch = async (): Promise<number> => {
    const leaving = new AbortController()
    const address = `${system.shopUrl}/api/orders/${body.orderNo}/events`
    const headers = { authorization: `Bearer ${buyer.token}` }
    const response = await fetch(address, { headers, signal: leaving.signal })
    if (response.status === 503) {
      // Sixty-four at once may be more than a busy machine takes in: nothing was begun.
      await response.text()
      await new Promise((done) => setTimeout(done, Number(response.headers.get('retry-after')) * 1000))
      return watch()
    }
    answers.push(response)
    if (response.ok) open.push(leaving)
    else expect(await response.json()).toMatchObject({ status: 429, code: 'TOO_MANY_STREAMS' })
    return response.status
  }
  try {
    // Two processes share the connections, each with its own count.
    const many = await Promise.all(Array.from({ length: 4 * MAX_STREAMS }, watch))
    const opened = many.filter((status) => status === 200).length
    expect(opened).toBeGreaterThanOrEqual(MAX_STREAMS)
    expect(opened).toBeLessThanOrEqual(2 * MAX_STREAMS)
    expect(answers.length).toBe(many.length)
    expect((await buyer.order(body.orderNo)).status).toBe('unpaid')
    for (const leaving of open.splice(0)) leaving.abort()
    await until(watch, (status) => status === 200)
  } finally {
    for (const leaving of open) leaving.abort()
  }
})

test('a malformed request is refused with a problem document as well', async () => {
  const bad = await fetch(`${system.shopUrl}/api/courses/%zz`, { headers: { 'accept-language': 'en' } })
  expect([bad.status, bad.headers.get('content-type')]).toEqual([400, 'application/problem+json; charset=utf-8'])
  expect(await bad.json()).toMatchObject({ code: 'MALFORMED_REQUEST', status: 400 })
  const said = async (text: string) => {
    const { hostname, port } = new URL(system.shopUrl)
    const socket = connect(Number(port), hostname)
    socket.write(text)
    let answer = ''
    for await (const part of socket) answer += String(part)
    return { head: answer.split('\r\n\r\n')[0] ?? '', body: JSON.parse(answer.split('\r\n\r\n')[1] ?? '{}') as object }
  }
  const headers = await said(`GET /api/courses HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(20_000)}\r\n\r\n`)
  expect(headers.head).toMatch(/^HTTP\/1\.1 431 [\s\S]*application\/problem\+json/)
  expect(headers.body).toMatchObject({ code: 'HEADERS_TOO_LARGE', status: 431 })
  expect((await said('this is no request\r\n\r\n')).body).toMatchObject({ code: 'MALFORMED_REQUEST', status: 400 })
})

test('every list says whether it has a next page', async () => {
  interface Answer {
    readonly content?: Record<string, { schema?: { properties?: Record<string, { type?: string }> } }>
  }
  type Paths = Record<string, Record<string, { responses?: Record<string, Answer> }>>
  const { body } = await system.client().call<{ paths: Paths }>('GET', '/api/openapi.json')
  const lists = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) => {
      const properties = responses?.['200']?.content?.['application/json']?.schema?.properties
      return properties?.['items']?.type === 'array' ? [{ of: `${method} ${path}`, properties }] : []
    }),
  )
  expect(lists.length).toBeGreaterThan(15)
  expect(lists.filter(({ properties }) => !('next' in properties)).map(({ of }) => of)).toEqual([])
})
