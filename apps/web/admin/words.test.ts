import { beforeAll, expect, test } from 'vitest'
import { installMessages } from '../src/i18n.ts'
import english from './locales/en.ts'
import chinese from './locales/zh-CN.ts'
import { learnMethods } from './shop.ts'
import { about, effect, finding, labelFor, type Why, why } from './words.ts'

/** Loads both languages under the group names that the app uses. */
const show = (language: 'zh-CN' | 'en') => {
  installMessages.global.locale.value = language as never
}

beforeAll(() => {
  installMessages.global.setLocaleMessage('zh-CN', { admin: chinese } as never)
  installMessages.global.setLocaleMessage('en' as never, { admin: english } as never)
  const [title, none] = [
    { 'zh-CN': '支付宝', en: 'Alipay' },
    { 'zh-CN': '', en: '' },
  ]
  learnMethods([{ name: 'alipay', offered: true, title, hint: none, phoneHint: none, app: none, mark: '', colour: '' }])
  show('en')
})

const because = (reasonCode: Why['reasonCode'], details: Why['details'] = null, reason = ''): string =>
  why({ reason, reasonCode, details })

test('what the server names is said in words where there are some, and shown as it is where not', () => {
  expect(labelFor('event', 'refund_sendAgain')).toBe('Refund sent again')
  expect(labelFor('action', 'order.cancel')).toBe('Order cancelled')
  expect(labelFor('why', 'not paid in time')).toBe('not paid in time')
  expect(labelFor('event', 'order_teleport')).toBe('order_teleport')
})

test('effects and reasons are put into words from their codes and facts, in both languages', () => {
  expect(effect({ effect: 'settled', reason: null })).toBe('Settled')
  expect(effect({ effect: 'unmatched', reason: 'AMOUNT_DIFFERS' })).toBe(
    'Unmatched payment: The amount differs from the order’s',
  )
  const paid = { provider: 'alipay', tradeNo: '20261123' }
  const replayed = { source: 'replay', notificationId: 8, by: 'admin' } as const
  expect(because('PAID', { ...paid, source: 'notification' })).toBe('Alipay 20261123, from a notification')
  expect(because('PAID', { ...paid, ...replayed })).toBe('Alipay 20261123, from notification 8, replayed by admin')
  expect(because('METHOD_CHOSEN', { provider: 'alipay' })).toBe('Alipay')
  expect(because('NOT_PAID_IN_TIME')).toBe('Not paid in time')
  expect(because('REFUNDED', { requestNo: '01ab', why: 'ORDER_CLOSED' })).toBe('The order was closed (refund 01ab)')
  expect(because('REFUNDED', { requestNo: '01ab' }, 'changed my mind')).toBe('changed my mind (refund 01ab)')
  expect(because('DIFFERENCE', { kind: 'FEE_DIFFERS' }, 'as agreed')).toBe('Fees differ: as agreed')
  expect(because('LATE_PAYMENT_OF', { orderNo: '01cd' })).toContain('01cd')
  expect(because('NUMBER_SPENT', { requestNo: '01ef' })).toContain('01ef')
  show('zh-CN')
  expect(because('PAID', { ...paid, source: 'notification' })).toBe('支付宝 20261123，来自支付通知')
  expect(because('DIFFERENCE', { kind: 'FEE_DIFFERS' }, '已商定')).toBe('手续费不一致：已商定')
  show('en')
})

test('what a person wrote is shown as it is, whatever it looks like', () => {
  for (const written of ['alipay 20261123, notification', 'changed my mind, refund 01ab', 'ORDER_CLOSED'])
    expect(because(null, null, written)).toBe(written)
})

test('money health says what it found and about what', () => {
  const nothing = { finding: null, text: '', details: null }
  expect(finding({ ...nothing, finding: 'DIFFERENCE', details: { kind: 'FEE_DIFFERS' } })).toBe('Fees differ')
  const unknown = { effect: 'unmatched', reason: 'UNKNOWN_ATTEMPT' }
  expect(finding({ ...nothing, finding: 'NOT_HANDLED', details: unknown })).toBe(
    'Unmatched payment: Unknown payment attempt',
  )
  expect(finding({ ...nothing, finding: 'REFUNDS_DIFFER', details: { refunded: '3.00', of: '2.00' } })).toBe(
    '¥3.00 refunded of ¥2.00',
  )
  expect(finding({ ...nothing, finding: 'NO_ANSWER' })).toBe('No answer yet')
  expect(finding({ ...nothing, text: 'no answer yet' })).toBe('no answer yet')
  expect(about({ thing: 'notification', subject: '8', details: null })).toBe('Notification 8')
  expect(about({ thing: 'day', subject: '2026-11-23', details: { provider: 'alipay' } })).toBe('Alipay 2026-11-23')
  expect(about({ thing: 'task', subject: 'reconcile', details: null })).toBe('Reconcile a day')
  expect(about({ thing: null, subject: '01a207a7c68b', details: null })).toBe('01a207a7c68b')
})
