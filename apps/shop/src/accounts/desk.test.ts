/** What the desk refuses when the server starts: an address without a right, a hidden one, and one that goes past it. */
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import type { Application } from '../http/application.ts'
import { addDesk } from './desk.ts'
import type { Viewers } from './viewer.ts'

const nobody: Viewers = {
  find: async () => undefined,
  require: async () => {
    throw new Error('nobody is logged in')
  },
}

function withDesk(add: (desk: Application) => void): Application {
  const app: Application = Fastify()
  addDesk(app, nobody, () => {}, add)
  return app
}

const answer = () => ({})
const right = { right: 'desk.see' } as const

test('a route with its right stands at the desk, and asks who comes', async () => {
  const app = withDesk((desk) => void desk.get('/open', { config: right }, answer))
  await app.ready()
  expect((await app.inject('/api/admin/open')).statusCode).toBe(500)
})

test('a route without a right, and one that the description does not show, stop the start', async () => {
  const refused = (add: (desk: Application) => void) => withDesk(add).ready()
  await expect(refused((desk) => void desk.get('/x', answer))).rejects.toThrow('which right')
  await expect(
    refused((desk) => void desk.get('/x', { config: right, schema: { hide: true } }, answer)),
  ).rejects.toThrow('hidden')
  const tags = ['X-HIDDEN']
  await expect(refused((desk) => void desk.get('/x', { config: right, schema: { tags } }, answer))).rejects.toThrow(
    'hidden',
  )
})

test('no route under its address goes past it, hidden or with a right of its own', async () => {
  const app = withDesk(() => {})
  const past = 'not registered at the desk'
  expect(() => app.get('/api/admin/x', { config: right }, answer)).toThrow(past)
  expect(() => app.get('/api/admin', { schema: { hide: true } }, answer)).toThrow(past)
  app.register(async (scope) => void scope.get('/x', { config: right }, answer), { prefix: '/api/admin' })
  await expect(app.ready()).rejects.toThrow(past)
})
