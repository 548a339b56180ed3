/** Notifications: read when they are WeChat's, refused with a specific code when anything is wrong. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  API_V3_KEY,
  encrypt,
  NOW,
  newClient,
  newPair,
  notificationBody,
  PUBLIC_KEY_ID,
  payment,
  signatureOf,
} from '../test/wechat-side.ts'
import type { RefusalCode } from './notification.ts'

const client = newClient('http://127.0.0.1:9')
const body = notificationBody('TRANSACTION.SUCCESS', payment())

const refund = (changes: object = {}) => ({
  mchid: '1900000001',
  out_trade_no: 'ORD20260101000001',
  transaction_id: '4200002300202601011234567890',
  out_refund_no: 'RFD20260102000001',
  refund_id: '50303400132026010212345678901',
  refund_status: 'SUCCESS',
  success_time: '2026-01-02T09:00:30+08:00',
  user_received_account: '支付用户零钱',
  amount: { total: 19900, refund: 5000, payer_total: 19900, payer_refund: 5000 },
  ...changes,
})

test('a payment', async () => {
  expect(await client.verifyNotification(Buffer.from(body), signatureOf(body))).toEqual({
    ok: true,
    kind: 'transaction',
    id: '7c2f4a10-1b2c-5d3e-8f40-a1b2c3d4e5f6',
    createTime: new Date('2026-01-01T04:00:01Z'),
    eventType: 'TRANSACTION.SUCCESS',
    mchId: '1900000001',
    appId: 'wx0000000000000001',
    outTradeNo: 'ORD20260101000001',
    transactionId: '4200002300202601011234567890',
    tradeState: 'SUCCESS',
    tradeType: 'NATIVE',
    total: 19900,
    payerTotal: 19900,
    successTime: new Date('2026-01-01T04:05:30Z'),
    attach: undefined,
    values: payment(),
  })
})

test('a payment with a coupon, and headers as fetch provides them', async () => {
  const amount = { total: 19900, payer_total: 18900, currency: 'CNY', payer_currency: 'CNY' }
  const text = notificationBody('TRANSACTION.SUCCESS', payment({ amount, attach: '{"a":1}' }))
  const read = await client.verifyNotification(text, new Headers(signatureOf(text)))
  expect(read).toMatchObject({ ok: true, total: 19900, payerTotal: 18900, attach: '{"a":1}' })
})

describe('refunds', () => {
  for (const status of ['SUCCESS', 'ABNORMAL', 'CLOSED'] as const) {
    test(status, async () => {
      const text = notificationBody(`REFUND.${status}`, refund({ refund_status: status }))
      expect(await client.verifyNotification(text, signatureOf(text))).toMatchObject({
        ok: true,
        kind: 'refund',
        status,
        outRefundNo: 'RFD20260102000001',
        refundId: '50303400132026010212345678901',
        outTradeNo: 'ORD20260101000001',
        refund: 5000,
        total: 19900,
        payerRefund: 5000,
        receivedBy: '支付用户零钱',
      })
    })
  }

  test('whose envelope contradicts its encrypted content', async () => {
    const text = notificationBody('REFUND.SUCCESS', refund({ refund_status: 'CLOSED' }))
    expect(await client.verifyNotification(text, signatureOf(text))).toMatchObject({ ok: false, code: 'MISSING_FIELD' })
  })
})

describe('refused without throwing:', () => {
  const good = signatureOf(body)
  const { 'wechatpay-signature': signature = '' } = good
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([each]) => each !== name))
  const ago = (ms: number) => signatureOf(body, { at: new Date(NOW.getTime() - ms) })
  const encryptedAs = (encrypted: object, text = body) => {
    const changed = JSON.stringify({ ...JSON.parse(text), resource: { original_type: 'transaction', ...encrypted } })
    return [changed, signatureOf(changed)] as const
  }
  const signedBody = (text: string) => [text, signatureOf(text)] as const
  const of = (changes: object) => signedBody(notificationBody('TRANSACTION.SUCCESS', payment(changes)))
  const encrypted = encrypt(JSON.stringify(payment()), 'transaction')

  const cases: Readonly<Record<string, readonly [RefusalCode, string, Record<string, string | string[]>]>> = {
    'no headers': ['MISSING_SIGNATURE', body, {}],
    'no signature': ['MISSING_SIGNATURE', body, without('wechatpay-signature')],
    'no serial': ['MISSING_SIGNATURE', body, without('wechatpay-serial')],
    'no timestamp': ['MISSING_SIGNATURE', body, without('wechatpay-timestamp')],
    'no nonce': ['MISSING_SIGNATURE', body, without('wechatpay-nonce')],
    'a duplicate header': ['MISSING_SIGNATURE', body, { ...good, 'wechatpay-nonce': ['a', 'b'] }],
    'another kind of signature': [
      'SIGNATURE_TYPE_MISMATCH',
      body,
      { ...good, 'wechatpay-signature-type': 'WECHATPAY2-SM2-WITH-SM3' },
    ],
    'five minutes old': ['TIMESTAMP_OUT_OF_WINDOW', body, ago(300_000)],
    'five minutes ahead': ['TIMESTAMP_OUT_OF_WINDOW', body, ago(-300_000)],
    'an invalid time': ['TIMESTAMP_OUT_OF_WINDOW', body, { ...good, 'wechatpay-timestamp': 'now' }],
    'a time in hexadecimal': [
      'TIMESTAMP_OUT_OF_WINDOW',
      body,
      { ...good, 'wechatpay-timestamp': `0x${Math.floor(NOW.getTime() / 1000).toString(16)}` },
    ],
    'a changed time': [
      'SIGNATURE_MISMATCH',
      body,
      { ...good, 'wechatpay-timestamp': String(NOW.getTime() / 1000 + 1) },
    ],
    'another nonce': ['SIGNATURE_MISMATCH', body, { ...good, 'wechatpay-nonce': 'x' }],
    'an unknown serial': ['UNKNOWN_SERIAL', body, signatureOf(body, { serial: '5A'.repeat(20) })],
    "another's key": ['SIGNATURE_MISMATCH', body, signatureOf(body, { key: newPair().privateKey })],
    "a signature test of WeChat's": [
      'SIGNATURE_MISMATCH',
      body,
      { ...good, 'wechatpay-signature': `WECHATPAY/SIGNTEST/${signature.slice(19)}` },
    ],
    "a short signature test of WeChat's": [
      'SIGNATURE_MISMATCH',
      body,
      { ...good, 'wechatpay-signature': 'WECHATPAY/SIGNTEST/abc' },
    ],
    'a signature with a line break': ['SIGNATURE_MISMATCH', body, { ...good, 'wechatpay-signature': `${signature}\n` }],
    'a body with an extra space': ['SIGNATURE_MISMATCH', `${body} `, good],
    'no body': ['SIGNATURE_MISMATCH', '', good],
    'no JSON': ['NOT_JSON', ...signedBody('hello')],
    'a list': ['NOT_JSON', ...signedBody('[]')],
    'no resource': ['NOT_JSON', ...signedBody('{"id":"1"}')],
    'another APIv3 key': ['NOT_DECRYPTED', ...encryptedAs(encrypt('{}', 'transaction', `${API_V3_KEY.slice(0, 31)}x`))],
    'other associated data': ['NOT_DECRYPTED', ...encryptedAs({ ...encrypted, associated_data: 'refund' })],
    'another encryption nonce': ['NOT_DECRYPTED', ...encryptedAs({ ...encrypted, nonce: '000000000000' })],
    'another algorithm': ['NOT_DECRYPTED', ...encryptedAs({ ...encrypted, algorithm: 'AEAD_SM4_GCM' })],
    'encrypted text that is not JSON': ['MISSING_FIELD', ...encryptedAs(encrypt('hello', 'transaction'))],
    'another event': ['UNSUPPORTED_EVENT', ...signedBody(notificationBody('COUPON.USE', payment()))],
    'no event': ['UNSUPPORTED_EVENT', ...signedBody(notificationBody('', payment()))],
    'no id': ['MISSING_FIELD', ...signedBody(notificationBody('TRANSACTION.SUCCESS', payment(), { id: '' }))],
    'a payment as a refund': ['MISSING_FIELD', ...signedBody(notificationBody('REFUND.SUCCESS', payment()))],
    'a refund as a payment': ['MISSING_FIELD', ...signedBody(notificationBody('TRANSACTION.SUCCESS', refund()))],
    'an unpaid payment': ['MISSING_FIELD', ...of({ trade_state: 'NOTPAY' })],
    'no amount': ['MISSING_FIELD', ...of({ amount: undefined })],
    'an amount as text': ['MISSING_FIELD', ...of({ amount: { total: '19900', currency: 'CNY' } })],
    'a fraction of a fen': ['MISSING_FIELD', ...of({ amount: { total: 199.5, currency: 'CNY' } })],
    'a negative amount': ['MISSING_FIELD', ...of({ amount: { total: -1, currency: 'CNY' } })],
    'another currency': ['MISSING_FIELD', ...of({ amount: { total: 19900, currency: 'USD' } })],
    'no transaction id': ['MISSING_FIELD', ...of({ transaction_id: undefined })],
    'no time of payment': ['MISSING_FIELD', ...of({ success_time: undefined })],
    'a day that does not exist': ['MISSING_FIELD', ...of({ success_time: '2026-02-30T12:00:00+08:00' })],
    'more than a megabyte': ['TOO_LARGE', 'x'.repeat(1_200_000), good],
  }
  for (const [what, [code, text, headers]] of Object.entries(cases)) {
    test(what, async () => {
      expect(await client.verifyNotification(Buffer.from(text), headers)).toMatchObject({ ok: false, code })
    })
  }

  test('any changed byte of the body', async () => {
    const bytes = Buffer.from(body)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ change
        expect(await client.verifyNotification(changed, good)).toMatchObject({ ok: false, code: 'SIGNATURE_MISMATCH' })
      }),
      { numRuns: 200 },
    )
  })
})

test('a signature just under five minutes old is accepted, and a missing signature type means the usual one', async () => {
  const { 'wechatpay-signature-type': _, ...headers } = signatureOf(body, { at: new Date(NOW.getTime() - 299_000) })
  expect(await client.verifyNotification(body, headers)).toMatchObject({ ok: true })
})

test('header names in any case', async () => {
  const headers = Object.fromEntries(
    Object.entries(signatureOf(body)).map(([name, value]) => [name.toUpperCase(), value]),
  )
  expect(await client.verifyNotification(body, headers)).toMatchObject({ ok: true })
  expect(headers['WECHATPAY-SERIAL']).toBe(PUBLIC_KEY_ID)
})
