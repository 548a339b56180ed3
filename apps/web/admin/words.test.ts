import { beforeAll, expect, test } from 'vitest'
import { installMessages } from '../src/i18n.ts'
import desk from './locales/en.ts'
import { learnMethods } from './shop.ts'
import { about, effect, finding, named, reason } from './words.ts'

beforeAll(() => {
  installMessages.global.setLocaleMessage('zh-CN', { desk } as never)
})

test('what the server names is said in words where there are some, and shown as it is where not', () => {
  expect(named('event', 'refund_sendAgain')).toBe('Refund sent again')
  expect(named('action', 'order.cancel')).toBe('Order cancelled')
  expect(named('why', 'not paid in time')).toBe('not paid in time')
  expect(named('event', 'order_teleport')).toBe('order_teleport')
})

test('effects and reasons keep the numbers that they name', () => {
  expect(effect('settled')).toBe('Settled')
  expect(effect('set aside: AMOUNT_DIFFERS')).toBe('Set aside: Another amount than the order’s')
  const [title, none] = [
    { 'zh-CN': '支付宝', en: 'Alipay' },
    { 'zh-CN': '', en: '' },
  ]
  learnMethods([{ name: 'alipay', offered: true, title, hint: none, phoneHint: none, app: none, mark: '', colour: '' }])
  expect(reason('alipay 20261123, notification')).toBe('支付宝 20261123, from a notification')
  expect(reason('alipay')).toBe('支付宝')
  expect(reason('buyer 20261123, notification')).toBe('buyer 20261123, notification')
  expect(reason('changed my mind, refund 01ab')).toBe('changed my mind (refund 01ab)')
  expect(reason('the buyer asked for it')).toBe('the buyer asked for it')
})

test('money health says what it found and about what', () => {
  expect(finding('FEE_DIFFERS 20261123')).toBe('Fees differ 20261123')
  expect(finding('set aside: UNKNOWN_ATTEMPT')).toBe('Set aside: No such attempt here')
  expect(finding('no answer yet')).toBe('no answer yet')
  expect(about('notification 8')).toBe('Notification 8')
  expect(about('UNKNOWN_TRADE')).toBe('A trade we don’t know')
  expect(about('01a207a7c68b')).toBe('01a207a7c68b')
})
