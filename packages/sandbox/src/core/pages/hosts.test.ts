import { expect, test } from 'vitest'
import { answersTo } from './hosts.ts'

const onLoopback = { host: '127.0.0.1', allowed: [] }

test.each([
  '127.0.0.1:8100',
  '127.0.0.1',
  '127.1.2.3:8100',
  'localhost:8100',
  'LOCALHOST',
  'sandbox.localhost:8100',
  '[::1]:8100',
])('a loopback name is answered to: %s', (header) => {
  expect(answersTo(header, onLoopback)).toBe(true)
})

test.each([
  undefined,
  '',
  'evil.example',
  'evil.example:8100',
  'localhost.evil.example',
  '127.0.0.1.evil.example:8100',
  'evillocalhost',
  '192.168.1.5:8100',
  '10.0.0.1',
  'localhost:8100@evil.example',
  'evil.example/@localhost',
  'localhost.',
])('any other is not: %s', (header) => {
  expect(answersTo(header, onLoopback)).toBe(false)
})

test('listening on all addresses, it accepts any IP address but only allowed names', () => {
  const everywhere = { host: '0.0.0.0', allowed: ['Sandbox.internal'] }
  const answered = ['192.168.1.5:8100', '[fd00::5]:8100', 'sandbox.internal:8100', 'localhost'].map((header) =>
    answersTo(header, everywhere),
  )
  expect(answered).toEqual([true, true, true, true])
  expect(answersTo('evil.example', everywhere)).toBe(false)
  expect(answersTo('internal', everywhere)).toBe(false)
})

test('listening on one address or name, it accepts that one', () => {
  expect(answersTo('192.168.1.5:8100', { host: '192.168.1.5', allowed: [] })).toBe(true)
  expect(answersTo('192.168.1.6:8100', { host: '192.168.1.5', allowed: [] })).toBe(false)
  expect(answersTo('laptop.lan:8100', { host: 'laptop.lan', allowed: [] })).toBe(true)
})
