import { expect, test } from 'vitest'
import { newPair, payment, signedForm } from '../test/alipay-side.ts'
import { verifyReturn } from './return.ts'

const alipay = newPair()
const verifier = { alipayPublicKey: alipay.publicKey, signType: 'RSA2' } as const
const parameters = {
  charset: 'utf-8',
  out_trade_no: 'N1',
  method: 'alipay.trade.page.pay.return',
  total_amount: '39.00',
  trade_no: '2026112322001400000000000001',
  auth_app_id: '2021000120612450',
  version: '1.0',
  app_id: '2021000120612450',
  sign_type: 'RSA2',
  seller_id: '2088621959339670',
  timestamp: '2026-11-23 10:00:00',
}
const genuine = signedForm(parameters, alipay.privateKey)
const codeOf = async (query: string, ownParameters?: readonly string[]) => {
  const read = await verifyReturn(query, verifier, { ownParameters })
  return read.ok ? 'ok' : read.code
}

test('reads amounts in fen and Beijing times', async () => {
  expect(await verifyReturn(genuine, verifier)).toMatchObject({
    ok: true,
    outTradeNo: 'N1',
    totalAmount: 3900,
    timestamp: new Date('2026-11-23T02:00:00Z'),
    sellerId: '2088621959339670',
  })
})

test('accepts a query, a query with its ?, a whole address, and one with a fragment', async () => {
  for (const query of [genuine, `?${genuine}`, `https://shop.example/pay/success?${genuine}`, `?${genuine}#top`])
    expect(await codeOf(query)).toBe('ok')
})

test("skips the merchant's own parameters, duplicates included, and does not report them as verified", async () => {
  const query = `lang=zh&tag=a&tag=b&trade_status=TRADE_SUCCESS&${genuine}`
  const read = await verifyReturn(query, verifier)
  expect(read.ok).toBe(true)
  expect([...(read.parameters?.keys() ?? [])].toSorted()).toEqual([...Object.keys(parameters), 'sign'].toSorted())
})

test('skips exactly the names given', async () => {
  expect(await codeOf(`lang=zh&${genuine}`, ['lang'])).toBe('ok')
  expect(await codeOf(`lang=zh&other=1&${genuine}`, ['lang'])).toBe('SIGN_MISMATCH')
  const further = signedForm({ ...parameters, new_field: 'x' }, alipay.privateKey)
  expect(await codeOf(`lang=zh&${further}`, ['lang'])).toBe('ok')
  expect(await codeOf(further)).toBe('SIGN_MISMATCH')
})

test('a duplicate of a signed parameter is refused, wherever it is and however it is spelt', async () => {
  for (const name of [...Object.keys(parameters), 'sign']) {
    const value = name === 'charset' ? 'gbk' : 'x'
    expect(await codeOf(`${genuine}&${name}=${value}`)).toBe('REPEATED_PARAMETER')
    expect(await codeOf(`${name}=${value}&${genuine}`)).toBe('REPEATED_PARAMETER')
    const hidden = [...name].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('')
    expect(await codeOf(`${hidden}=${value}&${genuine}`)).toBe('REPEATED_PARAMETER')
  }
})

test('refuses a signed message that is not a return, another key, and an oversized query', async () => {
  const { total_amount: _, ...without } = parameters
  expect(await codeOf(signedForm(without, alipay.privateKey))).toBe('MISSING_PARAMETER')
  expect(await codeOf(signedForm(parameters, newPair().privateKey))).toBe('SIGN_MISMATCH')
  expect(await codeOf(signedForm(payment(), alipay.privateKey))).toBe('SIGN_MISMATCH')
  expect(await codeOf(`${genuine}&own=${'x'.repeat(8192)}`)).toBe('TOO_LARGE')
  expect(await codeOf('')).toBe('MISSING_SIGN')
})
