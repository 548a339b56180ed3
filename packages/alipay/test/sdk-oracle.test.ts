/**
 * The official SDK as oracle: each side verifies what the other signs, for any text, and the signatures are identical.
 */
import { createSign } from 'node:crypto'
import { AlipaySdk } from 'alipay-sdk'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAlipay } from '../src/index.ts'
import { formOf, newPair, payment, signedForm } from './alipay-side.ts'
import { encodeGbk, gbkCharacters } from './gbk.ts'

const merchant = newPair()
const alipay = newPair()
const appId = '2021000120612450'
const now = new Date('2026-11-23T02:12:22Z')
const GATEWAY = 'https://openapi.alipay.com/gateway.do'
const FORM = 'application/x-www-form-urlencoded; charset=utf-8'

const clientAt = (at: Date) =>
  createAlipay({
    appId,
    privateKey: merchant.privateKey,
    alipayPublicKey: alipay.publicKey,
    gateway: GATEWAY,
    clock: () => at,
  })
const ours = clientAt(now)

/** The SDK's own signing function; it does not export it. */
const { sign: signBySdk } = (await import(new URL('util.js', import.meta.resolve('alipay-sdk')).href)) as {
  readonly sign: (method: string, parameters: object, config: object) => Record<string, string>
}

const sdk = (signType: 'RSA2' | 'RSA' = 'RSA2') =>
  new AlipaySdk({
    appId,
    privateKey: merchant.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    alipayPublicKey: alipay.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    signType,
    gateway: GATEWAY,
  })
const theirs = sdk()

/** The SDK with the merchant's public key in place of Alipay's: it checks what the merchant signed. */
const gatewayBySdk = new AlipaySdk({
  appId,
  privateKey: alipay.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  alipayPublicKey: merchant.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
})

/** Nearly every text contains something that tends to break encoders. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('+', '&', '=', '%', "'", '"', ' ', '<', '\\', '学', '😀', '\n', '~', '*', '%2B', '&amp;'),
  }),
)
/** Alipay never sends a NUL, and we accept none. */
const value = text.map((each) => each.replaceAll('\0', ''))
const subject = text.map((each) => `s${each.replace(/[/=&]/g, '')}`.slice(0, 200))

describe('page.pay', () => {
  const order = fc.record(
    {
      subject,
      body: value.map((each) => each.slice(0, 100)),
      passbackParams: value.map((each) => each.slice(0, 20).toWellFormed()),
      totalAmount: fc.integer({ min: 1, max: 10_000_000_000 }),
      returnUrl: fc.webUrl({ withQueryParameters: true }).map((url) => url.slice(0, 200)),
      notifyUrl: fc.constantFrom(undefined, '', 'https://shop.example/notify?a=1&b=%20+'),
    },
    { requiredKeys: ['subject', 'totalAmount'] },
  )

  test('our link has the same signature as theirs, and the SDK verifies it', async () => {
    await fc.assert(
      fc.asyncProperty(order, async (pay) => {
        const url = new URL(await ours.pagePayUrl({ outTradeNo: 'N1', ...pay }))
        const { sign, ...parameters } = Object.fromEntries(url.searchParams)
        const { method = '', biz_content = '', ...rest } = parameters
        const content = Object.keys(parameters)
          .sort()
          .map((name) => `${name}=${parameters[name]}`)
          .join('&')
        expect(createSign('RSA-SHA256').update(content).sign(merchant.privateKey, 'base64')).toBe(sign)
        expect(gatewayBySdk.rsaCheck(content, sign ?? '', 'RSA2')).toBe(true)
        expect(gatewayBySdk.checkNotifySignV2({ ...parameters, sign })).toBe(true)
        expect(method + rest['charset']).toBe('alipay.trade.page.payutf-8')
        expect(JSON.parse(biz_content)).toMatchObject({ subject: pay.subject, out_trade_no: 'N1' })
      }),
      { numRuns: 150 },
    )
  })

  test("the SDK's own signing function and ours give the same signature", async () => {
    await fc.assert(
      fc.asyncProperty(order, async ({ subject: title, passbackParams, totalAmount, ...pay }) => {
        const { sign, ...made } = signBySdk(
          'alipay.trade.page.pay',
          {
            ...(pay.returnUrl ? { returnUrl: pay.returnUrl } : {}),
            ...(pay.notifyUrl ? { notifyUrl: pay.notifyUrl } : {}),
            bizContent: {
              out_trade_no: 'N1',
              total_amount: `${Math.floor(totalAmount / 100)}.${String(totalAmount % 100).padStart(2, '0')}`,
              subject: title,
              ...(pay.body ? { body: pay.body } : {}),
              ...(passbackParams ? { passback_params: encodeURIComponent(passbackParams) } : {}),
              product_code: 'FAST_INSTANT_TRADE_PAY',
            },
          },
          theirs.config,
        )
        // The SDK writes the machine's local time; read as Beijing time, both are the same moment.
        const again = clientAt(new Date(`${made['timestamp']?.replace(' ', 'T')}+08:00`))
        const link = await again.pagePayUrl({
          outTradeNo: 'N1',
          totalAmount,
          subject: title,
          ...(passbackParams ? { passbackParams } : {}),
          ...pay,
        })
        expect(Object.fromEntries(new URL(link).searchParams)).toEqual({ ...made, sign })
      }),
      { numRuns: 100 },
    )
  })
})

describe('notifications', () => {
  const names = fc.constantFrom(
    'subject',
    'body',
    'passback_params',
    'fund_bill_list',
    'buyer_logon_id',
    'new_field',
    'A',
    'z_9',
  )
  const extras = fc.dictionary(names, value, { maxKeys: 8 })

  test('both verify what Alipay signs: any text, empty values left out', async () => {
    await fc.assert(
      fc.asyncProperty(extras, async (more) => {
        const parameters = Object.fromEntries(Object.entries(payment(more)).filter(([, each]) => each !== ''))
        const body = signedForm(parameters, alipay.privateKey)
        const read = await ours.verifyNotification(body, FORM)
        expect(read).toMatchObject({ ok: true, totalAmount: 3900 })
        for (const [name, each] of Object.entries(parameters))
          expect(read.parameters?.get(name)).toBe(Buffer.from(each).toString())
        expect(theirs.checkNotifySignV2(Object.fromEntries(new URLSearchParams(body)))).toBe(true)
        expect(Object.fromEntries(new URLSearchParams(body))).toEqual(Object.fromEntries(read.parameters ?? []))
      }),
      { numRuns: 150 },
    )
  })

  test('any change on the way is refused by both', async () => {
    await fc.assert(
      fc.asyncProperty(extras, fc.nat(), fc.nat(), value, async (more, which, at, put) => {
        const body = signedForm(payment(more), alipay.privateKey)
        const parameters = Object.fromEntries(new URLSearchParams(body))
        const changeable = Object.keys(parameters).filter((name) => parameters[name] !== '')
        const name = changeable[which % changeable.length] ?? ''
        const old = parameters[name] ?? ''
        const changed = old.slice(0, at % (old.length + 1)) + put + old.slice((at % (old.length + 1)) + 1)
        fc.pre(Buffer.from(changed).compare(Buffer.from(old)) !== 0)
        expect((await ours.verifyNotification(formOf({ ...parameters, [name]: changed }), FORM)).ok).toBe(false)
        if (name !== 'sign_type' && name !== 'sign')
          expect(theirs.checkNotifySignV2({ ...parameters, [name]: changed })).toBe(false)
      }),
      { numRuns: 150 },
    )
  })

  test('any byte of the body changed: refused, or the same values', async () => {
    const body = Buffer.from(signedForm(payment({ body: 'a+b %&= "学"' }), alipay.privateKey))
    const before = await ours.verifyNotification(body, FORM)
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        const changed = Buffer.from(body)
        changed.writeUInt8(changed.readUInt8(at) ^ bits, at)
        const after = await ours.verifyNotification(changed, FORM)
        // A lower-case escape, for example, is other bytes for the same text.
        if (after.ok) expect(Object.fromEntries(after.parameters)).toEqual(Object.fromEntries(before.parameters ?? []))
      }),
      { numRuns: 500 },
    )
  })

  test('GBK bodies of any GBK characters', async () => {
    const letters = fc.string({ unit: fc.constantFrom(...gbkCharacters, '+', '&', '%', '=', ' ', '"', 'a', '0') })
    await fc.assert(
      fc.asyncProperty(letters, letters, async (title, body) => {
        const parameters = payment({ charset: 'GBK', subject: `学${title}`, ...(body ? { body } : {}) })
        const sent = signedForm(parameters, alipay.privateKey, { charset: 'gbk' })
        const read = await ours.verifyNotification(sent, FORM)
        expect(read).toMatchObject({ ok: true, subject: `学${title}` })
        const changed = formOf(
          { ...parameters, subject: `字${title}`, sign: read.parameters?.get('sign') ?? '' },
          encodeGbk,
        )
        expect((await ours.verifyNotification(changed, FORM)).ok).toBe(false)
      }),
      { numRuns: 150 },
    )
  })

  test('the SDK accepts a weaker signature type, this client does not', async () => {
    const body = signedForm(payment({ sign_type: 'RSA' }), alipay.privateKey, { algorithm: 'RSA-SHA1' })
    expect(theirs.checkNotifySignV2(Object.fromEntries(new URLSearchParams(body)))).toBe(true)
    expect(await ours.verifyNotification(body, FORM)).toMatchObject({ ok: false, code: 'SIGN_TYPE_MISMATCH' })
  })

  test('RSA, where RSA is configured', async () => {
    const legacy = createAlipay({
      appId,
      privateKey: merchant.privateKey,
      alipayPublicKey: alipay.publicKey,
      signType: 'RSA',
      clock: () => now,
    })
    const body = signedForm(payment({ sign_type: 'RSA' }), alipay.privateKey, { algorithm: 'RSA-SHA1' })
    expect(await legacy.verifyNotification(body, FORM)).toMatchObject({ ok: true })
    const link = new URL(await legacy.pagePayUrl({ outTradeNo: 'N1', totalAmount: 1, subject: '课程' }))
    const { sign = '', ...parameters } = Object.fromEntries(link.searchParams)
    const content = Object.keys(parameters)
      .sort()
      .map((name) => `${name}=${parameters[name]}`)
      .join('&')
    expect(gatewayBySdk.rsaCheck(content, sign, 'RSA')).toBe(true)
  })
})
