/** What is said of a field that was refused: one that was left empty is missing, whatever rule found it out. */
import { pino } from 'pino'
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { createApplication } from './application.ts'
import { createOverload } from './overload.ts'

const Course = Type.Object({ title: Type.String({ minLength: 3 }), price: Type.String({ pattern: '^\\d+$' }) })

test('an empty field is missing; one that is not empty is told what is wrong with it', async () => {
  const logger = pino({ level: 'silent' })
  const publicUrl = 'http://localhost:8000'
  const app = await createApplication({ logger, trustedProxies: 0, publicUrl, overload: createOverload(4) })
  app.post('/courses', { schema: { body: Course } }, () => 'ok')
  const said = async (language: string, body: object) => {
    const headers = { 'accept-language': language }
    const answer = await app.inject({ method: 'POST', url: '/courses', headers, payload: body })
    return answer.json<{ errors: { message: string }[] }>().errors[0]?.message
  }
  expect(await said('en', { title: '', price: '1' })).toBe('is missing')
  expect(await said('zh-CN', { title: '学城书店', price: ' ' })).toBe('请填写')
  expect(await said('en', { title: 'ab', price: '1' })).toBe('is too short')
  expect(await said('zh-CN', { title: '学城书店', price: '一元' })).toBe('格式不正确')
  await app.close()
})
