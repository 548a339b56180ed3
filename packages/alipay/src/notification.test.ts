/** Notifications: what is refused and how; no input makes verification throw. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formOf, newPair, payment, signedForm } from '../test/alipay-side.ts'
import { canonicalString } from './canonical.ts'
import { verifyNotification } from './notification.ts'
import { verifyReturn } from './return.ts'

const FORM = 'application/x-www-form-urlencoded;charset=UTF-8'
const alipay = newPair()
const verifier = { alipayPublicKey: alipay.publicKey, signType: 'RSA2' } as const
const verify = (body: Uint8Array | string, contentType: string | undefined = FORM) =>
  verifyNotification(body, contentType, verifier)
const genuine = signedForm(payment(), alipay.privateKey)

test('a body with thousands of parameters is refused without decoding any', async () => {
  const many = Array.from({ length: 5000 }, (_, index) => `p${index}=1`).join('&')
  expect(await verify(`${genuine}&${many}`)).toMatchObject({
    ok: false,
    code: 'MALFORMED',
    message: expect.stringContaining('more than 200'),
  })
})

test('a genuine payment', async () => {
  expect(await verify(genuine)).toMatchObject({
    ok: true,
    appId: '2021000120612450',
    sellerId: '2088621959339670',
    outTradeNo: 'N1',
    tradeStatus: 'TRADE_SUCCESS',
    totalAmount: 3900,
    notifyTime: new Date('2026-11-23T02:00:00Z'),
    gmtPayment: new Date('2026-11-23T01:59:58Z'),
    refundFee: undefined,
  })
})

test('a refund, with milliseconds in its time', async () => {
  const refund = payment({
    trade_status: 'TRADE_CLOSED',
    refund_fee: '39.00',
    gmt_refund: '2026-11-23 10:30:00.143',
    out_biz_no: 'R1',
  })
  expect(await verify(signedForm(refund, alipay.privateKey))).toMatchObject({
    ok: true,
    tradeStatus: 'TRADE_CLOSED',
    refundFee: 3900,
    gmtRefund: new Date('2026-11-23T02:30:00.143Z'),
    outBizNo: 'R1',
  })
})

test('a refund fee of 0 is a payment; an unreadable refund fee is refused', async () => {
  const of = (refund_fee: string) => verify(signedForm(payment({ refund_fee }), alipay.privateKey))
  expect(await of('0.00')).toMatchObject({ ok: true, refundFee: undefined })
  for (const unreadable of ['x', '-1.00', '1.001', '1e2'])
    expect(await of(unreadable)).toMatchObject({ code: 'MISSING_PARAMETER' })
})

test('passback_params come back unchanged', async () => {
  const back = payment({ passback_params: encodeURIComponent('a=1&b=汉字 +%') })
  expect(await verify(signedForm(back, alipay.privateKey))).toMatchObject({ passbackParams: 'a=1&b=汉字 +%' })
})

describe('is refused:', () => {
  const without = (name: string) => {
    const { [name]: _, ...rest } = payment()
    return rest
  }
  const other = newPair()
  const withSign = (sign: string) => formOf({ ...payment(), sign })
  const good = new URLSearchParams(genuine).get('sign') ?? ''
  const cases: Readonly<Record<string, readonly [code: string, body: Uint8Array | string, contentType?: string]>> = {
    'no sign': ['MISSING_SIGN', formOf(payment())],
    'an empty sign': ['MISSING_SIGN', withSign('')],
    'a sign that is not base64': ['SIGN_NOT_BASE64', withSign('!!not base64!!')],
    'base64 with a line break': ['SIGN_NOT_BASE64', withSign(`${good.slice(0, 76)}\n${good.slice(76)}`)],
    'base64 of the URL alphabet': ['SIGN_NOT_BASE64', withSign('-_-_')],
    'base64 without its padding': ['SIGN_NOT_BASE64', withSign(good.replace(/=+$/, ''))],
    'a signature of another length': ['SIGN_MISMATCH', withSign('AAAA')],
    "another key's sign": ['SIGN_MISMATCH', signedForm(payment(), other.privateKey)],
    'RSA where RSA2 is configured, correctly signed with SHA-1': [
      'SIGN_TYPE_MISMATCH',
      signedForm(payment({ sign_type: 'RSA' }), alipay.privateKey, { algorithm: 'RSA-SHA1' }),
    ],
    'SHA-1 under the name of RSA2': [
      'SIGN_MISMATCH',
      signedForm(payment(), alipay.privateKey, { algorithm: 'RSA-SHA1' }),
    ],
    'no sign_type': ['SIGN_TYPE_MISMATCH', signedForm(without('sign_type'), alipay.privateKey)],
    'an unknown sign_type': ['SIGN_TYPE_MISMATCH', signedForm(payment({ sign_type: 'MD5' }), alipay.privateKey)],
    'a sign_type in small letters': [
      'SIGN_TYPE_MISMATCH',
      signedForm(payment({ sign_type: 'rsa2' }), alipay.privateKey),
    ],
    'a repeated parameter': ['REPEATED_PARAMETER', `${genuine}&total_amount=0.01`],
    'a repeated parameter, spelt differently': ['REPEATED_PARAMETER', `${genuine}&%74otal_amount=0.01`],
    'a repeated sign': ['REPEATED_PARAMETER', `sign=AAAA&${genuine}`],
    'an added parameter': ['SIGN_MISMATCH', `${genuine}&refund_fee=39.00`],
    'a JSON body': ['NOT_FORM_ENCODED', JSON.stringify(payment()), 'application/json'],
    'a multipart body': ['NOT_FORM_ENCODED', genuine, 'multipart/form-data; boundary=x'],
    'no content type': ['NOT_FORM_ENCODED', genuine, ''],
    'JSON sent as a form': ['MALFORMED', JSON.stringify(payment())],
    'a megabyte': ['TOO_LARGE', `${genuine}&x=${'a'.repeat(1024 * 1024)}`],
    'a lone %': ['MALFORMED', `${genuine}&x=100%`],
    'a broken escape': ['MALFORMED', `${genuine}&x=%4`],
    'a broken escape in a name': ['MALFORMED', `${genuine}&%zz=1`],
    'bytes that are not utf-8': ['MALFORMED', `${genuine}&x=%FF%FE`],
    'a NUL': ['MALFORMED', `${genuine}&x=a%00b`],
    'a value without a name': ['MALFORMED', `${genuine}&=x`],
    'an unknown charset': ['UNKNOWN_CHARSET', signedForm(payment({ charset: 'klingon' }), alipay.privateKey)],
    'an empty body': ['MISSING_SIGN', ''],
    'a body of nothing but separators': ['MISSING_SIGN', '&&&&'],
  }
  for (const [what, [code, body, contentType]] of Object.entries(cases)) {
    test(what, async () => expect(await verify(body, contentType ?? FORM)).toMatchObject({ ok: false, code }))
  }
  test('a content type that is missing', async () => {
    expect(await verifyNotification(genuine, undefined, verifier)).toMatchObject({ code: 'NOT_FORM_ENCODED' })
  })
  for (const name of [
    'notify_id',
    'notify_time',
    'app_id',
    'trade_no',
    'out_trade_no',
    'total_amount',
    'trade_status',
  ]) {
    test(`signed, but without ${name}`, async () => {
      const read = await verify(signedForm(without(name), alipay.privateKey))
      expect(read).toMatchObject({ ok: false, code: 'MISSING_PARAMETER' })
    })
  }
  for (const [name, value] of Object.entries({
    total_amount: '39,00',
    trade_status: 'TRADE_PAID',
    notify_time: '2026-02-30 00:00:00',
  })) {
    test(`signed, but with ${name}=${value}`, async () => {
      const read = await verify(signedForm(payment({ [name]: value }), alipay.privateKey))
      expect(read).toMatchObject({ ok: false, code: 'MISSING_PARAMETER' })
    })
  }
})

describe('ambiguities of the signed string', () => {
  test('two parameters made into one', async () => {
    const { receipt_amount, refund_fee, ...rest } = payment({ receipt_amount: '39.00', refund_fee: '39.00' })
    const sign = new URLSearchParams(
      signedForm({ ...rest, receipt_amount, refund_fee } as Record<string, string>, alipay.privateKey),
    ).get('sign')
    const joined = { ...rest, receipt_amount: `${receipt_amount}&refund_fee=${refund_fee}`, sign: sign ?? '' }
    expect(await verify(formOf(joined))).toMatchObject({ ok: false, code: 'MALFORMED' })
  })

  test('one parameter made into two, its name with the first value in it', async () => {
    const body = genuine.replace('&trade_no=', '%26trade_no%3D1=').replace('2026112322001400000000000001', '')
    expect((await verify(body)).ok).toBe(false)
  })

  test('an order number that contains the next parameter', async () => {
    const parameters = new URLSearchParams(genuine)
    const names = [...parameters.keys()].filter((name) => !['sign', 'sign_type'].includes(name)).sort()
    const next = names[names.indexOf('out_trade_no') + 1] ?? ''
    parameters.set('out_trade_no', `N1&${next}=${parameters.get(next)}`)
    parameters.delete(next)
    expect(await verify(parameters.toString())).toMatchObject({ ok: false, code: 'MALFORMED' })
  })

  test('a subject with & and = is not mistaken for one', async () => {
    const read = await verify(signedForm(payment({ body: 'A&B=C&price=3' }), alipay.privateKey))
    expect(read).toMatchObject({ ok: true })
  })
})

test('an empty value is accepted whether it was signed or not', async () => {
  // The documents disagree; both kinds of sender exist.
  expect(await verify(signedForm(payment({ body: '' }), alipay.privateKey))).toMatchObject({ ok: true })
  expect(await verify(`${genuine}&body=`)).toMatchObject({ ok: true })
})

test('the message of a refusal names the key by its fingerprint only', async () => {
  const read = await verify(signedForm(payment(), newPair().privateKey))
  if (read.ok) throw new Error('must be refused')
  expect(read.message).toMatch(/[0-9a-f]{16}/)
  expect(read.canonical).toMatch(/^app_id=2021000120612450&auth_app_id=.*&version=1\.0$/)
  expect(JSON.stringify(read)).not.toContain('BEGIN')
})

test('a byte order mark in a value is a part of it', async () => {
  const read = await verify(signedForm(payment({ subject: '\uFEFF课' }), alipay.privateKey))
  expect(read).toMatchObject({ ok: true, subject: '\uFEFF课' })
})

test('the signed string: by name in ASCII order, without empty and excluded parameters', () => {
  const parameters = new Map([
    ['b', '2 &='],
    ['a_b', '1'],
    ['B', '学'],
    ['empty', ''],
    ['sign', 'x'],
  ])
  expect(canonicalString(parameters, ['sign'])).toBe('B=学&a_b=1&b=2 &=')
})

describe('GBK', () => {
  test('a genuine payment in GBK, its subject in Chinese', async () => {
    const body = signedForm(payment({ charset: 'GBK', subject: '学城课程' }), alipay.privateKey, { charset: 'gbk' })
    const read = await verify(body)
    expect(read).toMatchObject({ ok: true, totalAmount: 3900 })
    expect(read.parameters?.get('subject')).toBe('学城课程')
  })

  test('the same bytes called utf-8 are refused', async () => {
    const body = signedForm(payment({ subject: '学城课程' }), alipay.privateKey, { charset: 'gbk' })
    expect((await verify(body)).ok).toBe(false)
  })
})

test('no input makes it throw', async () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc
      .array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })))
      .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&')),
    fc.mixedCase(fc.constant(genuine)),
    fc
      .tuple(fc.nat(genuine.length), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([at, text]) => genuine.slice(0, at) + text + genuine.slice(at)),
  )
  await fc.assert(
    fc.asyncProperty(anything, async (body) => {
      const read = await verify(body)
      const back = await verifyReturn(Buffer.from(body).toString('latin1'), verifier)
      return typeof read.ok === 'boolean' && typeof back.ok === 'boolean'
    }),
    { numRuns: 300 },
  )
})
