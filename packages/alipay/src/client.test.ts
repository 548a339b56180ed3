/** Creating a client: options that cannot work are refused at creation, not when money moves. */
import { expect, test } from 'vitest'
import { newPair } from '../test/alipay-side.ts'
import { createAlipay } from './client.ts'
import { KeyError } from './errors.ts'

test("a 1024-bit key is refused for RSA2 (Alipay's own refusal is unclear) and accepted for RSA", () => {
  const options = { appId: '2021000120612450', alipayPublicKey: newPair().publicKey }
  const { privateKey } = newPair(1024)
  expect(() => createAlipay({ ...options, privateKey })).toThrow(
    expect.objectContaining({ name: 'KeyError', code: 'KEY_TOO_SHORT' }),
  )
  expect(() => createAlipay({ ...options, privateKey })).toThrow(KeyError)
  expect(createAlipay({ ...options, privateKey, signType: 'RSA' }).appId).toBe('2021000120612450')
})
