import { expect, test } from 'vitest'
import { wayBack } from './way-back.ts'

test.each([
  '/',
  '/checkout?courses=1,2',
  '/pay/success?out_trade_no=1&sign=a%2Bb%3D&timestamp=2026-11-23+10%3A00%3A00',
  '/learn/1/2#here',
])('%s is a page of this shop', (path) => {
  expect(wayBack(path)).toBe(path)
})

test.each([
  'https://elsewhere.example/',
  '//elsewhere.example/',
  '/\\elsewhere.example/',
  '/\t/elsewhere.example/',
  '/\n/elsewhere.example',
  'javascript:alert(1)',
  'orders',
  '',
  undefined,
  null,
  ['/orders'],
])('%j leads nowhere but home', (path) => {
  expect(wayBack(path)).toBe('/')
})

test('a login never leads to a login', () => {
  expect(wayBack('/login?next=/orders')).toBe('/')
  expect(wayBack('/register')).toBe('/')
  expect(wayBack('/login-help')).toBe('/login-help')
})
