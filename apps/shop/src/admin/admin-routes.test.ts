/** Admin routes that fail the start: without a permission, hidden, or added outside of the admin routes. */
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import type { Principals } from '../auth/principal.ts'
import type { Application } from '../http/application.ts'
import { addAdminRoutes } from './admin-routes.ts'

const anonymous: Principals = {
  hasToken: () => false,
  accountOf: () => undefined,
  find: async () => undefined,
  require: async () => {
    throw new Error('not logged in')
  },
}

function withAdminRoutes(add: (admin: Application) => void): Application {
  const app: Application = Fastify()
  addAdminRoutes(app, { principals: anonymous, saw: () => {}, clock: () => new Date(0) }, add)
  return app
}

const answer = () => ({})
const right = { right: 'admin.enter' } as const

test('a route with its permission is added, and requires a login', async () => {
  const app = withAdminRoutes((admin) => void admin.get('/open', { config: right }, answer))
  await app.ready()
  expect((await app.inject('/api/admin/open')).statusCode).toBe(500)
})

test('a route without a permission, or hidden from the API description, fails the start', async () => {
  const refused = (add: (admin: Application) => void) => withAdminRoutes(add).ready()
  await expect(refused((admin) => void admin.get('/x', answer))).rejects.toThrow('which right')
  await expect(
    refused((admin) => void admin.get('/x', { config: right, schema: { hide: true } }, answer)),
  ).rejects.toThrow('hidden')
  const tags = ['X-HIDDEN']
  await expect(refused((admin) => void admin.get('/x', { config: right, schema: { tags } }, answer))).rejects.toThrow(
    'hidden',
  )
})

test('a route under /api/admin outside of the admin routes fails the start, hidden or with a permission', async () => {
  const app = withAdminRoutes(() => {})
  const past = 'not registered under the admin routes'
  expect(() => app.get('/api/admin/x', { config: right }, answer)).toThrow(past)
  expect(() => app.get('/api/admin', { schema: { hide: true } }, answer)).toThrow(past)
  app.register(async (scope) => void scope.get('/x', { config: right }, answer), { prefix: '/api/admin' })
  await expect(app.ready()).rejects.toThrow(past)
})
