/** The change by staff over the real database: work and audit entry together or not at all, and once for each key. */
import Fastify from 'fastify'
import { Type } from 'typebox'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../../../../tests/harness/database.ts'
import type { Principals } from '../auth/principal.ts'
import type { User } from '../auth/sessions/sessions.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader } from '../http/idempotency.ts'
import { type Acting, adminAction } from './action.ts'
import { addAdminRoutes } from './admin-routes.ts'

const NOW = new Date('2026-11-23T02:00:00Z')

let database: TestDatabase
let app: Application
let userId: number
/** What the route's work and audit entry do; each test sets its own. */
let steps: {
  work: (acting: Acting, title: string) => Promise<{ id: number }>
  audit: (made: { id: number }) => { action: string; subject: string } | undefined
  view: (made: { id: number }) => { id: number }
}
let worked = 0

beforeAll(async () => {
  database = await startTestDatabase()
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into users (username, display_name, password_hash, role) values ('owner', 'Owner', 'none', 'owner')
     returning id::int`,
  )
  userId = rows[0]?.id ?? 0
  app = appWithAction()
  await app.ready()
}, 60_000)

afterAll(async () => {
  await app.close()
  await database.stop()
}, 60_000)

beforeEach(async () => {
  await database.pool.query('delete from categories')
  await database.pool.query('delete from idempotency_keys')
  worked = 0
  steps = {
    work: async ({ tx }, title) => {
      worked += 1
      const values = { slug: `${title}-${worked}`, name_zh: title, name_en: title, palette: ['#fff'], position: worked }
      await tx.insertInto('categories').values(values).execute()
      return { id: worked }
    },
    audit: ({ id }) => ({ action: 'test.done', subject: `tests/${id}` }),
    view: ({ id }) => ({ id }),
  }
})

function appWithAction(): Application {
  const user: User = { id: userId, username: 'owner', displayName: 'Owner', role: 'owner' } as User
  const principals = {
    require: async () => ({ user, sessionId: 'a session', provedAt: NOW, byDemoPassword: false }),
  } as Partial<Principals> as Principals
  const made: Application = Fastify()
  made.setErrorHandler((error, _, reply) =>
    reply.code(error instanceof ShopError ? 409 : 500).send({ code: error instanceof ShopError ? error.code : '' }),
  )
  const body = Type.Object({ title: Type.String() })
  const config = { right: 'courses.write' } as const
  addAdminRoutes(made, { principals, saw: () => {}, clock: () => NOW }, (admin) => {
    const context = { db: database.db, clock: () => NOW }
    admin.post('/keyed', { config, schema: { body, headers: IdempotencyHeader } }, (request) =>
      adminAction(context, {
        request,
        work: (acting) => steps.work(acting, request.body.title),
        audit: (result) => steps.audit(result),
        view: (result) => steps.view(result),
      }),
    )
    admin.post('/plain', { config, schema: { body } }, async (request) => {
      const nothing = await adminAction(context, {
        request,
        work: (acting) => steps.work(acting, request.body.title),
        audit: (result) => steps.audit(result),
      })
      return { nothing }
    })
    admin.post('/secret', { config, schema: { body, headers: IdempotencyHeader } }, (request) =>
      adminAction(context, {
        request,
        sameWhen: { shown: '****' },
        work: (acting) => steps.work(acting, request.body.title),
        audit: (result) => steps.audit(result),
        view: (result) => steps.view(result),
      }),
    )
  })
  return made
}

async function post(path: string, title: string, key?: string) {
  const answer = await app.inject({
    method: 'POST',
    url: `/api/admin/${path}`,
    payload: { title },
    ...(key && { headers: { 'idempotency-key': key } }),
  })
  return { status: answer.statusCode, body: answer.json<{ id?: number; code?: string; nothing?: null }>() }
}

const audited = async () =>
  (await database.pool.query("select action, subject, user_id::int, at from audit_log where action = 'test.done'")).rows
const made = async () => (await database.pool.query('select slug from categories order by slug')).rows

test('the work is done and its audit entry names who, what and when', async () => {
  const before = (await audited()).length
  expect(await post('keyed', 'a')).toEqual({ status: 200, body: { id: 1 } })
  expect(await made()).toHaveLength(1)
  const entries = await audited()
  expect(entries).toHaveLength(before + 1)
  expect(entries.at(-1)).toEqual({ action: 'test.done', subject: 'tests/1', user_id: userId, at: NOW })
})

test('two at once with the same key work once, write one entry and get one answer', async () => {
  const before = (await audited()).length
  const work = steps.work
  steps.work = async (acting, title) => {
    const result = await work(acting, title)
    await new Promise((resolve) => setTimeout(resolve, 200))
    return result
  }
  const answers = await Promise.all([post('keyed', 'a', 'one'), post('keyed', 'a', 'one'), post('keyed', 'a', 'one')])
  expect(answers).toEqual(Array(3).fill({ status: 200, body: { id: 1 } }))
  expect(await made()).toHaveLength(1)
  expect(await audited()).toHaveLength(before + 1)
})

test('the same key with another body is refused', async () => {
  await post('keyed', 'a', 'one')
  expect((await post('keyed', 'b', 'one')).body).toEqual({ code: 'IDEMPOTENCY_KEY_REUSED' })
  expect(await made()).toHaveLength(1)
})

test('where the body holds a secret, what is named instead makes the request the same', async () => {
  await post('secret', 'a', 'one')
  expect((await post('secret', 'b', 'one')).body).toEqual({ id: 1 })
  expect(await made()).toHaveLength(1)
})

test('work that fails leaves neither an entry nor a used key', async () => {
  const before = (await audited()).length
  const { work } = steps
  steps.work = async (acting, title) => {
    await work(acting, title)
    throw new ShopError('COURSE_CHANGED')
  }
  expect((await post('keyed', 'a', 'one')).body).toEqual({ code: 'COURSE_CHANGED' })
  expect(await made()).toEqual([])
  expect(await audited()).toHaveLength(before)
  steps.work = work
  expect((await post('keyed', 'a', 'one')).status).toBe(200)
  expect(await audited()).toHaveLength(before + 1)
})

test('an entry that cannot be written takes the work back, and so does a view that fails', async () => {
  const before = (await audited()).length
  steps.audit = () => ({ action: 'test.done', subject: '\u0000' })
  expect((await post('keyed', 'a', 'one')).status).toBe(500)
  expect(await made()).toEqual([])
  steps.audit = ({ id }) => ({ action: 'test.done', subject: `tests/${id}` })
  steps.view = () => {
    throw new ShopError('NOT_FOUND')
  }
  expect((await post('keyed', 'a', 'one')).body).toEqual({ code: 'NOT_FOUND' })
  expect(await made()).toEqual([])
  expect(await audited()).toHaveLength(before)
})

test('work that changed nothing writes no entry', async () => {
  const before = (await audited()).length
  steps.work = async () => ({ id: 0 })
  steps.audit = () => undefined
  expect((await post('keyed', 'a')).status).toBe(200)
  expect(await audited()).toHaveLength(before)
})

test('a route whose schema takes no key works each time, and answers null without a view', async () => {
  expect((await post('plain', 'a', 'one')).body).toEqual({ nothing: null })
  expect((await post('plain', 'a', 'one')).body).toEqual({ nothing: null })
  expect(await made()).toHaveLength(2)
})
