/** Messages of refused fields: an empty field counts as missing, no matter which rule failed. */
import { pino } from 'pino'
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { createApplication } from './application.ts'
import { fieldOfBrokenText } from './bodies/broken-text.ts'
import { createOverload } from './load/overload.ts'

const Course = Type.Object({
  title: Type.String({ minLength: 3, maxLength: 9 }),
  price: Type.String({ maxLength: 9, pattern: '^\\d+$' }),
})

test('an empty field is missing; for another the message says what is wrong with it', async () => {
  const logger = pino({ level: 'silent' })
  const publicUrl = 'http://localhost:8000'
  const app = await createApplication({ logger, trustedProxies: 0, publicUrl, overload: createOverload(4) })
  app.post('/courses', { schema: { body: Course } }, () => 'ok')
  const said = async (language: string, body: object) => {
    const headers = { 'accept-language': language }
    const answer = await app.inject({ method: 'POST', url: '/courses', headers, payload: body })
    return answer.json<{ errors: { message: string }[] }>().errors[0]?.message
  }
  expect(await said('en', { title: '', price: '1' })).toBe('Please fill this in')
  expect(await said('zh-CN', { title: '学城书店', price: ' ' })).toBe('请填写')
  expect(await said('en', { title: 'ab', price: '1' })).toBe('is too short')
  expect(await said('zh-CN', { title: '学城书店', price: '一元' })).toBe('格式不正确')
  await app.close()
})

test.each([
  ['{"title":"课\\ud83d","price":"1"}', 'title'],
  ['{"title":"课","price":"\\u0000"}', 'price'],
  ['{"title":"课程","price":"1","more":[{"deep":["好","\\udcda"]}]}', 'more.0.deep.1'],
  ['{"title":"课程","price":"1","more":{"\\ud83d":1}}', 'more'],
  ['"\\ud83d"', 'body'],
])(
  'an unpaired surrogate or NUL in %s is refused, with its field named, before a handler runs',
  async (payload, field) => {
    const logger = pino({ level: 'silent' })
    const publicUrl = 'http://localhost:8000'
    const app = await createApplication({ logger, trustedProxies: 0, publicUrl, overload: createOverload(4) })
    app.post('/courses', () => 'ok')
    const headers = { 'content-type': 'application/json', 'accept-language': 'en' }
    const answer = await app.inject({ method: 'POST', url: '/courses', headers, payload })
    expect(answer.statusCode).toBe(422)
    expect(answer.json()).toMatchObject({ code: 'INVALID_INPUT', errors: [{ field }] })
    expect(
      (await app.inject({ method: 'POST', url: '/courses?q=%00', headers, payload: '{"title":"📚"}' })).json(),
    ).toMatchObject({ errors: [{ field: 'q' }] })
    expect((await app.inject({ method: 'POST', url: '/courses', headers, payload: '{"title":"📚"}' })).statusCode).toBe(
      200,
    )
    await app.close()
  },
)

test('a very deep body is checked to the end', async () => {
  expect(fieldOfBrokenText(JSON.parse(`${'['.repeat(30_000)}"\\ud83d"${']'.repeat(30_000)}`))).toBe('0.0.0.0.0.0.0.0')
})

test('a scope with schemas of its own validates like all others', async () => {
  const logger = pino({ level: 'silent' })
  const publicUrl = 'http://localhost:8000'
  const app = await createApplication({ logger, trustedProxies: 0, publicUrl, overload: createOverload(4) })
  const body = Type.Object(
    { count: Type.Integer(), title: Type.String({ maxLength: 9 }) },
    { additionalProperties: false },
  )
  app.register(async (scope) => {
    scope.addSchema({ $id: 'Own', type: 'object' })
    scope.post('/own', { schema: { body } }, () => 'ok')
  })
  const send = (payload: object) => app.inject({ method: 'POST', url: '/own', payload })
  expect((await send({ count: 1, title: 'a' })).statusCode).toBe(200)
  const { errors } = (await send({ count: '1', more: true })).json<{ errors: { field: string }[] }>()
  expect(errors.map(({ field }) => field).sort()).toEqual(['count', 'more', 'title'])
  await app.close()
})
