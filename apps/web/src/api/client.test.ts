import { createServer } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { installMessages } from '../i18n.ts'
import chinese from '../locales/zh-CN.ts'
import { ApiProblem, answer, asProblem, fetchWithRetry, onLoginLost, readProblem } from './client.ts'

const response = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers })
const refused = (status: number, error: unknown, headers = {}) =>
  answer(Promise.resolve({ error, response: response(status, headers) }))

installMessages.global.setLocaleMessage('zh-CN', chinese as never)

let lost = 0
onLoginLost(() => {
  lost += 1
})
afterEach(() => {
  lost = 0
})

test('a refusal keeps its code, its words and when to try again', async () => {
  const problem = { type: 'x', status: 429, code: 'TOO_MANY_ATTEMPTS', title: '尝试次数过多', detail: '请稍后再试。' }
  const error = await refused(429, problem, { 'retry-after': '30' }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ApiProblem)
  expect(error).toMatchObject({
    code: 'TOO_MANY_ATTEMPTS',
    status: 429,
    message: '尝试次数过多',
    detail: '请稍后再试。',
    retryAfterSeconds: 30,
  })
  expect(lost).toBe(0)
})

test('the callbacks learn that the session has ended', async () => {
  const problem = { type: 'x', status: 401, code: 'LOGIN_REQUIRED', title: '请先登录', detail: '' }
  await expect(refused(401, problem)).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' })
  expect(lost).toBe(1)
})

test('a wrong password is not the end of a session', async () => {
  const problem = { type: 'x', status: 401, code: 'BAD_CREDENTIALS', title: '用户名或密码不正确', detail: '' }
  await expect(refused(401, problem)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' })
  expect(lost).toBe(0)
})

test("a proxy's error page and no answer at all are told apart", async () => {
  expect(readProblem('<html>502</html>', response(502))).toMatchObject({ code: 'SERVER', status: 502 })
  expect(readProblem(undefined, response(404))).toMatchObject({ code: 'UNEXPECTED', status: 404 })
  await expect(answer(Promise.reject(new TypeError('Failed to fetch')))).rejects.toMatchObject({
    code: 'NETWORK',
    status: 0,
    message: chinese.error.network,
  })
  expect(asProblem(new Error('a bug')).code).toBe('UNEXPECTED')
})

test('a request that was called off is no failure to show', async () => {
  const calledOff = new DOMException('called off', 'AbortError')
  await expect(answer(Promise.reject(calledOff))).rejects.toBe(calledOff)
})

test('refused for overload, it retries after the delay that the server asks for; after any other refusal it does not', async () => {
  const codes = ['OVERLOADED', 'OVERLOADED', 'UNAVAILABLE', 'never asked for']
  const bodies: string[] = []
  const server = createServer(async (request, reply) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    bodies.push(body)
    reply.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '0' })
    reply.end(JSON.stringify({ code: codes.shift(), title: 'x' }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const answer = await fetchWithRetry(new Request(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'an order' }))
  server.close()
  expect(await answer.json()).toMatchObject({ code: 'UNAVAILABLE' })
  expect(bodies).toEqual(['an order', 'an order', 'an order'])
})
