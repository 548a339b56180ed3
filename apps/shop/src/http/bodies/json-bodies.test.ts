import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { isTooMuch, readJsonBodies } from './json-bodies.ts'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test('nesting is counted outside of strings, and closed brackets no longer count', () => {
  expect([isTooMuch(nested(32)), isTooMuch(nested(33))]).toEqual([false, true])
  expect(isTooMuch(`[${Array.from({ length: 100 }, () => nested(31)).join()}]`)).toBe(false)
  expect(isTooMuch(JSON.stringify({ text: '['.repeat(100), and: '\\"[{'.repeat(100), end: '\\' }))).toBe(false)
  expect(isTooMuch(`{"a":"\\\\",${'"a":{'.repeat(40)}`)).toBe(true)
})

test('members are counted outside of strings', () => {
  const members = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 1])))
  expect([isTooMuch(members(5000)), isTooMuch(members(5001))]).toEqual([false, true])
  expect(isTooMuch(JSON.stringify({ text: ':'.repeat(10_000) }))).toBe(false)
})

test('a megabyte of brackets is refused unparsed; everything else is parsed as before', async () => {
  const app = Fastify({ bodyLimit: 2_000_000 })
  readJsonBodies(app)
  app.post('/', ({ body }) => ({ body }))
  const send = (payload: string) =>
    app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload })
  expect((await send(nested(500_000))).json()).toMatchObject({ code: 'MALFORMED_REQUEST' })
  expect((await send('{"a":[1,{"b":"[[["}]}')).json()).toEqual({ body: { a: [1, { b: '[[[' }] } })
  for (const bad of ['', '{"a":', '{"__proto__":{}}']) expect((await send(bad)).statusCode).toBe(400)
  await app.close()
})
