/** Every address of the desk, tried as nobody, as a buyer and as each role: what this table says, and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem } from '../harness/system.ts'

const ROLES = ['owner', 'finance', 'support', 'editor'] as const
type Role = (typeof ROLES)[number]

const owner: Role[] = ['owner']
const everybody: Role[] = ['owner', 'finance', 'support', 'editor']
const orders: Role[] = ['owner', 'finance', 'support']
const care: Role[] = ['owner', 'support']
const authors: Role[] = ['owner', 'editor']
const money: Role[] = ['owner', 'finance']

/** Who may. An address that is not here fails the test: write down who may use it. */
const TABLE: Record<string, Role[]> = {
  'GET /api/admin/me': everybody,
  'GET /api/admin/orders': orders,
  'GET /api/admin/orders/{orderNo}': orders,
  'POST /api/admin/orders/{orderNo}/cancel': orders,
  'POST /api/admin/orders/{orderNo}/ask': orders,
  'POST /api/admin/orders/{orderNo}/refunds': money,
  'POST /api/admin/orders/{orderNo}/refunds/preview': money,
  'GET /api/admin/exports': money,
  'POST /api/admin/exports': money,
  'GET /api/admin/exports/{id}': money,
  'POST /api/admin/exports/{id}/cancel': money,
  'GET /api/admin/exports/{id}/file': money,
  'GET /api/admin/refunds': orders,
  'POST /api/admin/refunds/{requestNo}/approve': money,
  'POST /api/admin/refunds/{requestNo}/decline': money,
  'POST /api/admin/refunds/{requestNo}/send-again': money,
  'GET /api/admin/notifications': orders,
  'GET /api/admin/notifications/{id}': orders,
  'POST /api/admin/notifications/{id}/replay': money,
  'GET /api/admin/unmatched-payments': money,
  'POST /api/admin/unmatched-payments/{id}/refund': money,
  'POST /api/admin/unmatched-payments/{id}/seen': money,
  'GET /api/admin/reconciliations': money,
  'POST /api/admin/reconciliations': money,
  'GET /api/admin/reconciliations/{provider}/{day}': money,
  'POST /api/admin/differences/{id}/repair': money,
  'GET /api/admin/money-health': money,
  'GET /api/admin/trial-payments': money,
  'POST /api/admin/trial-payments': owner,
  'GET /api/admin/trial-payments/{number}': money,
  'GET /api/admin/shop-identity': money,
  'PUT /api/admin/shop-identity': owner,
  'PUT /api/admin/shop-identity/logo': owner,
  'DELETE /api/admin/shop-identity/logo': owner,
  'GET /api/admin/payment-settings': money,
  'POST /api/admin/payment-settings/{provider}': owner,
  'POST /api/admin/payment-settings/{provider}/remove': owner,
  'POST /api/admin/payment-settings/former/{id}/forget': owner,
  'GET /api/admin/jobs': money,
  'POST /api/admin/jobs/{id}/run-again': money,
  'GET /api/admin/audit': money,
  'GET /api/admin/dashboard': money,
  'POST /api/admin/dashboard/count': money,
  'GET /api/admin/courses': everybody,
  'POST /api/admin/courses': authors,
  'GET /api/admin/courses/{id}': everybody,
  'PUT /api/admin/courses/{id}': authors,
  'DELETE /api/admin/courses/{id}': authors,
  'POST /api/admin/courses/{id}/publish': authors,
  'POST /api/admin/courses/{id}/unpublish': authors,
  'PUT /api/admin/courses/{id}/order': authors,
  'POST /api/admin/courses/{id}/chapters': authors,
  'PUT /api/admin/chapters/{id}': authors,
  'DELETE /api/admin/chapters/{id}': authors,
  'POST /api/admin/chapters/{id}/lessons': authors,
  'GET /api/admin/lessons/{id}': everybody,
  'PUT /api/admin/lessons/{id}': authors,
  'DELETE /api/admin/lessons/{id}': authors,
  'POST /api/admin/uploads': authors,
  'GET /api/admin/course-choices': everybody,
  'GET /api/admin/categories': everybody,
  'POST /api/admin/categories': authors,
  'PUT /api/admin/categories/{slug}': authors,
  'PUT /api/admin/categories-order': authors,
  'DELETE /api/admin/categories/{slug}': authors,
  'GET /api/admin/teachers': everybody,
  'POST /api/admin/teachers': authors,
  'PUT /api/admin/teachers/{slug}': authors,
  'PUT /api/admin/teachers-order': authors,
  'DELETE /api/admin/teachers/{slug}': authors,
  'GET /api/admin/buyers': orders,
  'GET /api/admin/buyers/{id}': orders,
  'POST /api/admin/buyers/{id}/access': care,
  'POST /api/admin/buyers/{id}/access/revoke': care,
  'POST /api/admin/buyers/{id}/disable': care,
  'POST /api/admin/buyers/{id}/password': care,
  'GET /api/admin/imports': care,
  'POST /api/admin/imports': care,
  'GET /api/admin/imports/{id}': care,
  'POST /api/admin/imports/{id}/start': care,
  'POST /api/admin/imports/{id}/cancel': care,
  'POST /api/admin/imports/{id}/passwords': care,
  'GET /api/admin/imports/{id}/result.csv': care,
  'GET /api/admin/staff': owner,
  'POST /api/admin/staff': owner,
  'GET /api/admin/staff/{id}': owner,
  'GET /api/admin/staff/{id}/sessions': owner,
  'POST /api/admin/staff/{id}/sessions/end': owner,
  'GET /api/admin/profile/sessions': everybody,
  'POST /api/admin/profile/sessions/end': everybody,
  'GET /api/admin/profile/second-factor': everybody,
  'POST /api/admin/profile/second-factor': everybody,
  'POST /api/admin/profile/second-factor/confirm': everybody,
  'POST /api/admin/profile/second-factor/recovery-codes': everybody,
  'POST /api/admin/profile/second-factor/off': everybody,
  'POST /api/admin/staff/{id}/second-factor/off': owner,
  'POST /api/admin/staff/{id}/role': owner,
  'POST /api/admin/staff/{id}/disable': owner,
  'POST /api/admin/staff/{id}/password': owner,
}

let system: System
let endpoints: { method: string; path: string; key: string }[]
const people = new Map<Role | 'buyer' | 'nobody', ShopApi>()

beforeAll(async () => {
  system = await startSystem()
  for (const role of ROLES) {
    const api = system.client()
    await api.register(`the-${role}`)
    await system.sql('update users set role = $1 where username = $2', [role, `the-${role}`])
    people.set(role, api)
  }
  people.set('buyer', await system.buyer())
  people.set('nobody', system.client())
  const { body } = await system
    .client()
    .call<{ paths: Record<string, Record<string, unknown>> }>('GET', '/api/openapi.json')
  endpoints = Object.entries(body.paths).flatMap(([path, methods]) =>
    path.startsWith('/api/admin/')
      ? Object.keys(methods).map((name) => {
          const method = name.toUpperCase()
          return { method, key: `${method} ${path}`, path: filledIn(path) }
        })
      : [],
  )
}, 120_000)

afterAll(() => system.stop())

/** An address that names nothing real: whoever may use it is told so, everybody else is not. */
const filledIn = (path: string): string =>
  path
    .replace('{provider}', 'alipay')
    .replace('{day}', '2001-01-01')
    .replace('{id}', '999999999')
    .replace(/\{\w+\}/g, '0'.repeat(32))

test('every address of the desk stands in the table, and the table names no other', () => {
  expect(endpoints.map(({ key }) => key).sort()).toEqual(Object.keys(TABLE).sort())
})

test('each is open to exactly the roles of its row', async () => {
  const wrong: string[] = []
  for (const { method, path, key } of endpoints) {
    for (const [who, api] of people) {
      const { status } = await api.call(method, path, method === 'GET' ? undefined : {})
      const may = TABLE[key]?.includes(who as Role) === true
      const expected = who === 'nobody' ? status === 401 : may ? ![401, 403, 500].includes(status) : status === 403
      if (!expected) wrong.push(`${key} as ${who}: ${status}`)
    }
  }
  expect(wrong).toEqual([])
})

test('an address under the desk that does not exist tells nothing', async () => {
  for (const api of people.values()) expect((await api.call('GET', '/api/admin/nothing-here')).status).toBe(404)
})
