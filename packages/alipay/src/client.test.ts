/** What a client is made of: options that cannot work are refused when it is made, not when money moves. */
import { expect, test } from 'vitest'
import { newPair } from '../test/alipay-side.ts'
import { createAlipay } from './client.ts'
import { KeyError } from './errors.ts'

test('1024 bits for RSA2, which Alipay refuses unclearly; for RSA they are enough', () => {
  const options = { appId: '2021000120612450', alipayPublicKey: newPair().publicKey }
  const { privateKey } = newPair(1024)
  expect(() => createAlipay({ ...options, privateKey })).toThrow(
    expect.objectContaining({ name: 'KeyError', code: 'KEY_TOO_SHORT' }),
  )
  expect(() => createAlipay({ ...options, privateKey })).toThrow(KeyError)
  expect(createAlipay({ ...options, privateKey, signType: 'RSA' }).appId).toBe('2021000120612450')
})
