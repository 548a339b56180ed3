import { expect, test } from 'vitest'
import { newSecret, stepOf, uriOf } from './totp.ts'

/** The secret of RFC 6238's appendix B, `12345678901234567890`. */
const RFC = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const at = (seconds: number) => new Date(seconds * 1000)

test.each([
  [59, '287082'],
  [1111111109, '081804'],
  [1234567890, '005924'],
  [2000000000, '279037'],
])('the code of RFC 6238 at %d seconds', (seconds, code) => {
  expect(stepOf(RFC, code, at(seconds))).toBe(Math.floor(seconds / 30))
})

test('a clock may be one step off but not two, and the result is the step of the code', () => {
  const step = Math.floor(59 / 30)
  expect(stepOf(RFC, '287082', at(59 + 30))).toBe(step)
  expect(stepOf(RFC, '287082', at(59 - 30))).toBe(step)
  expect(stepOf(RFC, '287082', at(59 + 60))).toBeUndefined()
  expect(stepOf(RFC, '287082', at(59 - 59))).toBe(step)
  expect(stepOf(RFC, '287082', at(59 - 60))).toBeUndefined()
})

test('malformed codes are refused', () => {
  for (const code of ['', '28708', '2870820', '28708a', ' 287082']) expect(stepOf(RFC, code, at(59))).toBeUndefined()
})

test('secrets have 160 bits, and the URI contains everything an application needs', () => {
  const secret = newSecret()
  expect(secret).toMatch(/^[A-Z2-7]{32}$/)
  expect(newSecret()).not.toBe(secret)
  const uri = new URL(uriOf(secret, { username: '李编辑', issuer: '墨香 书房' }))
  expect(decodeURIComponent(uri.pathname)).toContain('墨香 书房:李编辑')
  expect(Object.fromEntries(uri.searchParams)).toEqual({
    secret,
    issuer: '墨香 书房',
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  })
})
