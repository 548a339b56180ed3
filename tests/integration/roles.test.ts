/** Every route of the back office, called anonymously, as a buyer and in each role: allowed exactly as the table says. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { newStaff, type RunningSystem } from '../harness/system.ts'
import { PROOF, ROLES, type Role, TABLE } from './back-office-endpoints.ts'

let system: RunningSystem
let endpoints: { method: string; path: string; key: string; proof: unknown }[]
const people = new Map<Role | 'buyer' | 'nobody', ShopApi>()

beforeAll(async () => {
  system = await borrowShop()
  for (const role of ROLES) people.set(role, await newStaff(system, role))
  people.set('buyer', await system.buyer())
  people.set('nobody', system.client())
  const { body } = await system
    .client()
    .call<{ paths: Record<string, Record<string, Record<string, unknown>>> }>('GET', '/api/openapi.json')
  endpoints = Object.entries(body.paths).flatMap(([path, methods]) =>
    path.startsWith('/api/admin/')
      ? Object.entries(methods).map(([name, operation]) => {
          const method = name.toUpperCase()
          return { method, key: `${method} ${path}`, path: filledIn(path), proof: operation['x-proof'] }
        })
      : [],
  )
})

afterAll(() => system.stop())

/** A path without a real subject: 404 for the allowed roles, a refusal for everybody else. */
const filledIn = (path: string): string =>
  path
    .replace('{provider}', 'alipay')
    .replace('{day}', '2001-01-01')
    .replace('{id}', '999999999')
    .replace(/\{\w+\}/g, '0'.repeat(32))

test('the table of permissions names every route of the back office, and no other', () => {
  expect(endpoints.map(({ key }) => key).sort()).toEqual(Object.keys(TABLE).sort())
})

test('every route is open to exactly the roles that the table names', async () => {
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

test('the list of routes that require a credential proof is complete, and names no other', () => {
  const asking = endpoints.flatMap(({ key, proof }) => (proof === undefined ? [] : [[key, proof]]))
  expect(Object.fromEntries(asking)).toEqual(PROOF)
})

test('with an old proof, or none, exactly those routes refuse and ask for a proof', async () => {
  for (const provedAt of ["now() - interval '10 minutes'", 'null']) {
    await system.sql(`update sessions set proved_at = ${provedAt}`)
    const wrong: string[] = []
    for (const { method, path, key } of endpoints) {
      for (const role of ROLES) {
        const api = people.get(role)
        if (!api || !TABLE[key]?.includes(role)) continue
        api.password = undefined
        const { status, body } = await api.call<{ code?: string }>(method, path, method === 'GET' ? undefined : {})
        const refused = status === 403 && body.code === 'PROOF_REQUIRED'
        if (refused !== (PROOF[key] === 'always')) wrong.push(`${key} as ${role}: ${status} ${body.code}`)
      }
    }
    expect(wrong).toEqual([])
  }
})

test('an unknown address of the back office reveals nothing', async () => {
  for (const api of people.values()) expect((await api.call('GET', '/api/admin/nothing-here')).status).toBe(404)
})
