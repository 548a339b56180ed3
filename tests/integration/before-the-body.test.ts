/** Every operation of the API checks the caller before it reads a body, and limits its length. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendRaw } from '../harness/fuzz/raw-http.ts'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import type { RunningSystem } from '../harness/system.ts'

let system: RunningSystem
let buyer: ShopApi
let operations: Operation[]

interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly most: number | undefined
}

beforeAll(async () => {
  system = await borrowShop()
  buyer = await system.buyer()
  type Paths = Record<string, Record<string, { 'x-max-body-bytes'?: number }>>
  const { body } = await system.client().call<{ paths: Paths }>('GET', '/api/openapi.json')
  operations = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path
        .replace(/\{provider\}/, 'alipay')
        .replace(/\{(orderNo|requestNo|number|slug)\}/g, 'none')
        .replace(/\{\w+\}/g, '1'),
      most: operation['x-max-body-bytes'],
    })),
  )
})
afterAll(() => system?.stop())

const withBody = () => operations.filter(({ method }) => method !== 'GET')
const head = ({ method, path }: Pick<Operation, 'method' | 'path'>, length: number, token?: string) =>
  [
    `${method} ${path} HTTP/1.1`,
    ...[`host: ${new URL(system.shopUrl).host}`, 'content-type: application/json', `content-length: ${length}`],
    ...(token ? [`authorization: Bearer ${token}`] : []),
    '\r\n',
  ].join('\r\n')

/** Each operation with its answer to headers that no body follows, a few at a time. */
async function statuses(asked: readonly Operation[], write: (operation: Operation) => string): Promise<string[]> {
  const waiting = [...asked]
  const lines: string[] = []
  const sender = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { status } = await sendRaw(system.shopUrl, write(next))
      lines.push(`${next.name}: ${status}`)
    }
  }
  await Promise.all(Array.from({ length: 10 }, sender))
  return lines
}

/** An anonymous sender has to send something. */
const OPEN_TO_ANYONE = ['DELETE /api/session', 'POST /api/first-run', 'POST /api/session', 'POST /api/users']

test('every operation refuses an anonymous request before reading its body', async () => {
  const closed = withBody().filter(({ name }) => !OPEN_TO_ANYONE.includes(name))
  // The body is never sent: a server that waited for it would not answer.
  const asked = await statuses(closed, (operation) => head(operation, 400))
  expect(asked.length).toBeGreaterThan(50)
  expect(asked.filter((line) => !line.endsWith(': 401'))).toEqual([])
})

/** Bodies that may be longer than a few kilobytes, and why. */
const LONGER: Readonly<Record<string, string>> = {
  'POST /api/admin/orders/{orderNo}/refunds': 'fifty lines',
  'POST /api/admin/orders/{orderNo}/refunds/preview': 'fifty lines',
  'POST /api/payments/alipay/return': 'a return address',
  'POST /api/admin/courses': 'a course',
  'PUT /api/admin/courses/{id}': 'a course',
  'POST /api/admin/payment-settings/{provider}': 'keys and chains of certificates',
  'PUT /api/admin/categories-order': 'all categories',
  'PUT /api/admin/teachers-order': 'all teachers',
  'PUT /api/admin/courses/{id}/order': 'all lessons of a course',
  'PUT /api/admin/shop-identity/logo': 'a picture',
  'PUT /api/admin/lessons/{id}': "a lesson's text",
  'POST /api/admin/imports': 'a file',
  'POST /api/admin/uploads': 'a video',
}
const FEW_KILOBYTES = 8 * 1024

test('every operation that takes a body limits it to a few kilobytes, with the listed exceptions', () => {
  expect(withBody().filter(({ most }) => most === undefined)).toEqual([])
  const longer = withBody().filter(({ most = 0 }) => most > FEW_KILOBYTES)
  expect(longer.map(({ name }) => name).sort()).toEqual(Object.keys(LONGER).sort())
})

test('a body one byte over the limit is refused unread, from any sender', async () => {
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  // A video's bytes are counted as they arrive (uploads.test.ts).
  const counted = withBody().filter(({ name }) => name !== 'POST /api/admin/uploads')
  const refused = await statuses(counted, (operation) => head(operation, (operation.most ?? 0) + 1, staff.token))
  expect(refused.filter((line) => !line.endsWith(': 413'))).toEqual([])
})

test('an order of thirty-two thousand courses is refused at once', async () => {
  const many = (count: number) => ({
    ...{ totalAmount: '1.00', payType: 'alipay' },
    courseIds: Array.from({ length: count }, () => 1),
  })
  const anonymous = await system.client().call('POST', '/api/orders', many(32_000))
  expect(anonymous).toMatchObject({ status: 401, body: { code: 'LOGIN_REQUIRED' } })
  expect(await buyer.call('POST', '/api/orders', many(32_000))).toMatchObject({ status: 413 })
  const fits = await buyer.call<{ errors: object[] }>('POST', '/api/orders', many(2000), { 'accept-language': 'en' })
  expect(fits).toMatchObject({ status: 422, body: { code: 'INVALID_INPUT' } })
  expect(fits.body.errors).toEqual([{ field: 'courseIds', message: 'has too many entries' }])
  const back = { courseIds: many(16_000).courseIds, reason: 'x' }
  expect((await buyer.call('POST', '/api/orders/x/refunds', back)).status).toBe(413)
  expect((await system.client().call('POST', '/api/orders/x/refunds', back)).status).toBe(401)
})

test('a body for an unknown route is not read either', async () => {
  for (const path of ['/', '/api/none', '/api/courses', '/assets/none.js']) {
    const { status } = await sendRaw(system.shopUrl, head({ method: 'POST', path }, 100_000_000))
    expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code === 404 || code === 413)])
  }
})
