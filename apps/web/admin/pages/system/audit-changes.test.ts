import { beforeAll, expect, test } from 'vitest'
import { installMessages } from '../../../src/i18n.ts'
import english from '../../locales/en.ts'
import { changesOf } from './audit-changes.ts'

beforeAll(() => {
  installMessages.global.setLocaleMessage('en' as never, { admin: english } as never)
  installMessages.global.locale.value = 'en' as never
})

const said = (action: string, before: unknown, after: unknown): string[] =>
  changesOf({ action, before, after }).map(({ label, before: was, after: is }) =>
    [label, ...(was === undefined ? [] : [was, '→']), is ?? '(nothing)'].join(' '),
  )

test('only what changed is listed, with labels, money as money', () => {
  const before = { title: 'Joinery', price: '1039.00', originalPrice: null, outcomes: ['Saw', 'Plane'] }
  expect(said('course.edit', before, { ...before, price: '49.00', originalPrice: '99.00' })).toEqual([
    'Price ¥1,039.00 → ¥49.00',
    'Original price — → ¥99.00',
  ])
})

test('what says which part was changed is listed although it is the same', () => {
  expect(said('access.revoke', { courseId: 3, access: 'active' }, { courseId: 3, access: 'revoked' })).toEqual([
    'Course 3',
    'Access Active → Revoked',
  ])
})

test('names of the server are put into words, each by what the action is about', () => {
  expect(said('order.cancel', { status: 'unpaid' }, { status: 'cancelled' })).toEqual(['Status Unpaid → Cancelled'])
  expect(said('refund.approve', { status: 'requested' }, { status: 'sent', amount: '49.00' })).toEqual([
    'Status Waiting for approval → Waiting for the gateway',
    'Amount ¥49.00',
  ])
  expect(said('staff.role', { role: 'support', disabled: false }, { role: 'finance', disabled: false })).toEqual([
    'Role Support → Finance',
  ])
})

test('fen, moments, and amounts of several courses', () => {
  const lines = [{ courseId: 1, amount: '9.90' }]
  expect(said('unmatched.refund', null, { fen: 5, until: '2026-11-23T10:00:00.000+08:00', lines })).toEqual([
    'Amount ¥0.05',
    'until 2026-11-23 10:00:00',
    'Courses (Course 1 · Amount ¥9.90)',
  ])
})

test('the settings of a payment method are fields of their own; an unknown field is shown by its name', () => {
  const shown = (ends: string) => [{ name: 'ALIPAY_KEY', value: 'PKCS#8', ends }]
  expect(said('settings.store', { shown: shown('aaaa') }, { shown: shown('bbbb') })).toEqual([
    'ALIPAY_KEY PKCS#8 …aaaa → PKCS#8 …bbbb',
  ])
  expect(said('settings.remove', { shown: shown('aaaa') }, { shown: null })).toEqual([
    'ALIPAY_KEY PKCS#8 …aaaa → (nothing)',
  ])
})
