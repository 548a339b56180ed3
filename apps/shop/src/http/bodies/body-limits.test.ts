/** Each route's body limit: computed from the schema, or given by the route, or the start fails. */
import Fastify from 'fastify'
import { type TSchema, Type } from 'typebox'
import { expect, test } from 'vitest'
import { limitBodies } from './body-limits.ts'

function limitOf(body: TSchema | undefined, bodyLimit?: number): number | undefined {
  const app = Fastify()
  limitBodies(app)
  let seen: number | undefined
  app.addHook('onRoute', (route) => {
    seen = route.bodyLimit
  })
  app.post('/x', { schema: { ...(body && { body }) }, ...(bodyLimit && { bodyLimit }) }, () => 'ok')
  return seen
}

test('a limit fits the longest valid body with every character escaped, and little more', () => {
  const body = Type.Object({
    title: Type.String({ maxLength: 100 }),
    ids: Type.Array(Type.Integer({ minimum: 1, maximum: 2_147_483_647 }), { maxItems: 50 }),
    note: Type.Union([Type.Null(), Type.String({ maxLength: 20 })]),
    kind: Type.Enum(['one', 'another']),
  })
  const escaped = (length: number) => `"${'\\u5b66'.repeat(length)}"`
  const ids = Array.from({ length: 50 }, () => 2_147_483_647).join(', ')
  const longest = `{ "title": ${escaped(100)}, "ids": [${ids}], "note": ${escaped(20)}, "kind": "another" }`
  expect(limitOf(body)).toBeGreaterThan(Buffer.byteLength(longest))
  expect(limitOf(body)).toBeLessThan(3 * Buffer.byteLength(longest))
})

test('an unbounded text, list or object must be given a limit', () => {
  const endless = [
    ...[Type.String(), Type.String({ pattern: '^a+$' }), Type.Array(Type.Integer()), Type.Unknown()],
    Type.Record(Type.String(), Type.String({ maxLength: 9 })),
  ]
  for (const field of endless) {
    expect(() => limitOf(Type.Object({ field }))).toThrow('must name a bodyLimit')
    expect(limitOf(Type.Object({ field }), 5000)).toBe(5000)
  }
})

test('a route without a body gets a tiny limit', () => {
  expect(limitOf(undefined)).toBeLessThan(1025)
})
