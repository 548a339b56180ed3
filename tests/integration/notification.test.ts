/**
 * What the notify address refuses and accepts. Here the test holds "Alipay's" key itself, so that each
 * message is wrong in exactly one way.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { paidFields, signedNotification, strangersKey } from '../harness/notification.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem } from '../harness/system.ts'

const APP_ID = '2021000120612450'
const SELLER_ID = '2088621959339670'
const FORM = 'application/x-www-form-urlencoded; charset=utf-8'

let system: System
let alipayKey: KeyObject
let buyer: ShopApi

beforeAll(async () => {
  const alipay = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const app = generateKeyPairSync('rsa', { modulusLength: 2048 })
  alipayKey = alipay.privateKey
  system = await startSystem({
    environment: {
      SANDBOX: 'off',
      ALIPAY_GATEWAY: 'http://127.0.0.1:9/gateway.do',
      ALIPAY_APP_ID: APP_ID,
      ALIPAY_SELLER_ID: SELLER_ID,
      ALIPAY_PRIVATE_KEY: app.privateKey.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
      ALIPAY_PUBLIC_KEY: alipay.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    },
  })
})
afterAll(() => system.stop())

async function newOrder(): Promise<{ orderNo: string; fields: Record<string, string> }> {
  buyer = await system.buyer()
  const { status, body } = await buyer.buy([1], '39.00')
  expect(status, JSON.stringify(body)).toBe(201)
  return {
    orderNo: body.orderNo,
    fields: paidFields({ outTradeNo: body.orderNo, amount: '39.00', appId: APP_ID, sellerId: SELLER_ID }),
  }
}

async function post(
  body: string | Buffer,
  contentType = FORM,
): Promise<{ status: number; text: string; type: string }> {
  const response = await fetch(`${system.shopUrl}/api/payments/alipay/notify`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') ?? '' }
}

/** Every row that money or access depends on. */
async function books(): Promise<unknown[]> {
  return system.sql(`
    select 'order' as kind, order_no as a, status as b, paid_at::text as c from orders
    union all select 'attempt', attempt_no, status, trade_no from payment_attempts
    union all select 'payment', order_id::text, attempt_id::text, null from order_payments
    union all select 'access', user_id::text, course_id::text, granted_at::text from enrolments
    order by 1, 2, 3`)
}

const signed = (fields: Record<string, string>, change: Record<string, string> = {}) =>
  signedNotification(alipayKey, { ...fields, ...change }).toString()

function without(body: string, name: string): string {
  const form = new URLSearchParams(body)
  form.delete(name)
  return form.toString()
}

function withSign(body: string, value: string): string {
  const form = new URLSearchParams(body)
  form.set('sign', value)
  return form.toString()
}

type Fields = Record<string, string>

const REFUSED: Record<string, (fields: Fields) => { body: string | Buffer; contentType?: string }> = {
  'no sign': (fields) => ({ body: without(signed(fields), 'sign') }),
  'an empty sign': (fields) => ({ body: withSign(signed(fields), '') }),
  'a sign that is no base64': (fields) => ({ body: withSign(signed(fields), '!not*base64!') }),
  "another key's sign": (fields) => ({ body: signedNotification(strangersKey(), fields).toString() }),
  'sign_type=RSA where RSA2 is set': (fields) => ({
    body: signedNotification(alipayKey, { ...fields, sign_type: 'RSA' }, 'RSA-SHA1').toString(),
  }),
  'no sign_type': (fields) => ({ body: without(signed(fields), 'sign_type') }),
  'another app id': (fields) => ({ body: signed(fields, { app_id: '2021000120612451' }) }),
  'another seller id': (fields) => ({ body: signed(fields, { seller_id: '2088621959339671' }) }),
  'no seller id': (fields) => ({ body: signed(fields, { seller_id: '' }) }),
  'one fen less': (fields) => ({ body: signed(fields, { total_amount: '38.99' }) }),
  'one fen more': (fields) => ({ body: signed(fields, { total_amount: '39.01' }) }),
  'an amount of 0.01': (fields) => ({ body: signed(fields, { total_amount: '0.01' }) }),
  'an amount that is none': (fields) => ({ body: signed(fields, { total_amount: '39.00x' }) }),
  'a negative amount': (fields) => ({ body: signed(fields, { total_amount: '-39.00' }) }),
  'an unknown order': (fields) => ({ body: signed(fields, { out_trade_no: '0'.repeat(32) }) }),
  'an order number that could be SQL': (fields) => ({ body: signed(fields, { out_trade_no: `' or 1=1 --` }) }),
  'a JSON body': (fields) => ({ body: JSON.stringify(fields), contentType: 'application/json' }),
  'a broken JSON body': () => ({ body: '{"sign":', contentType: 'application/json' }),
  'a 1 MB body': (fields) => ({ body: signed(fields, { body: 'x'.repeat(1024 * 1024) }) }),
  'an empty body': () => ({ body: '' }),
  'bytes that are no text': () => ({ body: Buffer.from([0xff, 0xfe, 0x00, 0x3d, 0x25, 0xc3, 0x28]) }),
  'a repeated parameter': (fields) => ({ body: `${signed(fields)}&total_amount=39.00` }),
  'NUL characters': (fields) => ({ body: withSign(signed(fields, { out_trade_no: 'a\0b' }), 'AAAA') }),
  'signed NUL characters': (fields) => ({ body: signed(fields, { out_trade_no: 'a\0b', notify_id: '\0' }) }),
  'half a character': (fields) => ({ body: withSign(signed(fields, { out_trade_no: `${'x'.repeat(63)}😀` }), 'AAAA') }),
  'a lone percent sign': (fields) => ({ body: `${signed(fields)}&extra=%` }),
  'an unknown charset': (fields) => ({ body: signed(fields, { charset: 'klingon' }) }),
  'a content type that is none': (fields) => ({ body: signed(fields), contentType: 'garbage' }),
  'a multipart body': (fields) => ({ body: signed(fields), contentType: 'multipart/form-data; boundary=x' }),
  'trade status WAIT_BUYER_PAY': (fields) => ({ body: signed(fields, { trade_status: 'WAIT_BUYER_PAY' }) }),
  'a trade status nobody knows': (fields) => ({ body: signed(fields, { trade_status: 'TRADE_GREAT' }) }),
}

test.each(Object.entries(REFUSED))('%s: refused with a reason, stored, and nothing changes', async (_name, make) => {
  const { fields } = await newOrder()
  const before = await books()
  const [{ kept: keptBefore } = { kept: 0 }] = await system.sql<{ kept: number }>(
    'select count(*)::int as kept from notifications',
  )
  const { body, contentType } = make(fields)
  const answer = await post(body, contentType)
  expect(answer.text).toBe('fail')
  expect(answer.type).toMatch(/^text\/plain/)
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(answer.status).toBeLessThan(500)
  expect(await books()).toEqual(before)
  const [{ kept } = { kept: 0 }] = await system.sql<{ kept: number }>('select count(*)::int as kept from notifications')
  expect(kept).toBe(keptBefore + 1)
  const [last] = await system.sql<{
    accepted: boolean
    checks: { passed: boolean }[]
    body: Buffer
    body_bytes: number
  }>('select accepted, checks, body, body_bytes from notifications order by id desc limit 1')
  expect(last?.accepted).toBe(false)
  expect(last?.checks.some((check) => !check.passed)).toBe(true)
  const raw = Buffer.from(body)
  expect(last?.body_bytes).toBe(raw.length)
  expect(last?.body.equals(raw.subarray(0, 64 * 1024))).toBe(true)
})

test('a genuine notification settles order, payment and access, and a duplicate is acknowledged and changes nothing', async () => {
  const { orderNo, fields } = await newOrder()
  const answer = await post(signed(fields))
  expect(answer).toEqual({ status: 200, text: 'success', type: 'text/plain; charset=utf-8' })
  expect(await buyer.order(orderNo)).toMatchObject({ status: 'paid', tradeNo: fields['trade_no'] })
  expect(await buyer.ownedIds()).toEqual([1])
  const settled = await books()
  const repeats = await Promise.all(
    Array.from({ length: 20 }, () => post(signed(fields, { notify_time: '2026-11-23 10:04:06' }))),
  )
  expect(repeats.every(({ text, status }) => text === 'success' && status === 200)).toBe(true)
  expect(await books()).toEqual(settled)
})

test('twenty copies of a notification at once settle once', async () => {
  const { orderNo, fields } = await newOrder()
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(signed(fields))))
  expect(answers.every(({ text }) => text === 'success')).toBe(true)
  const rows = await system.sql(
    `select h.event from order_history h join orders o on o.id = h.order_id where o.order_no = $1 and h.event = 'pay' and h.subject = 'order'`,
    [orderNo],
  )
  expect(rows).toHaveLength(1)
  expect(await buyer.ownedIds()).toEqual([1])
})

test('TRADE_FINISHED counts as paid', async () => {
  const { orderNo, fields } = await newOrder()
  expect((await post(signed(fields, { trade_status: 'TRADE_FINISHED' }))).text).toBe('success')
  expect((await buyer.order(orderNo)).status).toBe('paid')
})

test('a phone payment that timed out unpaid reports TRADE_CLOSED: acknowledged, and nothing changes', async () => {
  const { orderNo, fields } = await newOrder()
  const before = await books()
  const { gmt_payment: _, ...unpaid } = fields
  expect((await post(signed({ ...unpaid, trade_status: 'TRADE_CLOSED' }))).text).toBe('success')
  expect(await books()).toEqual(before)
  expect((await buyer.order(orderNo)).status).toBe('unpaid')
  const [kept] = await system.sql('select accepted, effect from notifications order by id desc limit 1')
  expect(kept).toEqual({ accepted: true, effect: 'nothing_to_do' })
  // From another seller it is refused as usual.
  expect((await post(signed(unpaid, { trade_status: 'TRADE_CLOSED', seller_id: '2088621959339671' }))).text).toBe(
    'fail',
  )
})

test('a payment that fits no order is listed for staff once, however often it is notified', async () => {
  const { orderNo, fields } = await newOrder()
  for (let time = 0; time < 3; time += 1) await post(signed(fields, { total_amount: '38.99' }))
  const rows = await system.sql(`select reason, amount_fen::int as fen from unmatched_payments where attempt_no = $1`, [
    orderNo,
  ])
  expect(rows).toEqual([{ reason: 'AMOUNT_DIFFERS', fen: 3899 }])
})

test('a second trade on a paid order is acknowledged and listed, neither lost nor granted twice', async () => {
  const { orderNo, fields } = await newOrder()
  await post(signed(fields))
  const second = { trade_no: `${fields['trade_no']}9`, notify_id: 'second' }
  expect((await post(signed(fields, second))).text).toBe('success')
  const rows = await system.sql('select reason from unmatched_payments where attempt_no = $1', [orderNo])
  expect(rows).toEqual([{ reason: 'SECOND_TRADE' }])
})
