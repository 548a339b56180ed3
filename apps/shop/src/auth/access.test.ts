/** Every route declares its access, and one that needs an account checks that before it reads the body. */
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { guardAccess } from './access.ts'
import { createPrincipals, type Principals } from './principal.ts'

function guarded(): { app: Application; asked: () => number } {
  let asked = 0
  const principals: Principals = {
    hasToken: () => false,
    accountOf: () => undefined,
    find: async () => undefined,
    async require() {
      asked += 1
      throw new ShopError('LOGIN_REQUIRED')
    },
  }
  const app: Application = Fastify()
  app.decorateRequest('cookies', { getter: () => ({}) })
  guardAccess(app, principals)
  return { app, asked: () => asked }
}

test('a route without declared access fails the start, under /api and anywhere it takes a body', () => {
  const { app } = guarded()
  const silent = 'does not declare who may use it'
  expect(() => app.get('/api/x', () => 'x')).toThrow(silent)
  expect(() => app.post('/x', () => 'x')).toThrow(silent)
  expect(() => app.get('/page', () => 'x')).not.toThrow()
  expect(() => app.post('/api/y', { config: { access: 'anyone' } }, () => 'x')).not.toThrow()
  expect(() => app.post('/api/z', { config: { right: 'admin.enter' } }, () => 'x')).not.toThrow()
})

test('a route for accounts reads no body of an anonymous request; an open route looks up no session', async () => {
  const { app, asked } = guarded()
  let read = 0
  app.addContentTypeParser('text/count', (_request, _stream, done) => {
    read += 1
    done(null)
  })
  app.post('/api/x', { config: { access: 'account' } }, () => 'x')
  app.post('/api/y', { config: { access: 'anyone' } }, () => 'y')
  const post = (url: string) =>
    app.inject({ method: 'POST', url, headers: { 'content-type': 'text/count' }, payload: 'body' })
  expect((await post('/api/x')).body).toContain('LOGIN_REQUIRED')
  expect([read, asked()]).toEqual([0, 1])
  expect((await post('/api/y')).body).toBe('y')
  expect([read, asked()]).toEqual([1, 1])
})

test('a session is read once per request, and again only on demand', async () => {
  let reads = 0
  const user = {
    id: 1,
    username: 'a',
    displayName: 'a',
    role: 'buyer',
    createdAt: new Date(),
    passwordDue: false,
    factorDue: false,
  } as const
  const principals = createPrincipals(
    {
      start: () => Promise.reject(new Error('not here')),
      known: () => undefined,
      async find() {
        reads += 1
        return { user, sessionId: 's', provedAt: null, byDemoPassword: false }
      },
    },
    'http://localhost',
  )
  const app: Application = Fastify()
  app.decorateRequest('cookies', { getter: () => ({}) })
  guardAccess(app, principals)
  app.get('/api/x', { config: { access: 'account' } }, async (request) => {
    await principals.require(request)
    await principals.find(request)
    const before = reads
    await principals.require(request, 'anew')
    return { before, after: reads }
  })
  app.get('/api/y', { config: { access: 'anyone' } }, (request) => principals.require(request))
  const get = (url: string) => app.inject({ url, headers: { authorization: 'Bearer token' } })
  expect((await get('/api/x')).json()).toEqual({ before: 1, after: 2 })
  expect((await get('/api/y')).body).toContain('declare its access')
})
