/**
 * Alipay's signatures, implemented independently: no code is shared with the client packages, so that a mistake cannot
 * confirm itself. Signing runs on libuv's thread pool.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import { type Charset, encode } from '../core/charset.ts'

/** RSA2 is RSASSA-PKCS1-v1_5 with SHA-256, RSA the same with SHA-1 (Alipay, sign_type). */
export type SignType = 'RSA2' | 'RSA'

export type Pairs = readonly (readonly [name: string, value: string])[]

const DIGESTS = { RSA2: 'sha256', RSA: 'sha1' } as const

/**
 * The string to sign: every pair with a value, except the given names, sorted by name in byte order, `name=value`
 * joined by `&`. Requests leave out `sign`; notifications and returns leave out `sign` and `sign_type`.
 */
export function canonicalString(pairs: Pairs, leaveOut: readonly string[]): string {
  return pairs
    .filter(([name, value]) => value !== '' && !leaveOut.includes(name))
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Signs text in a charset; returns Base64 without line breaks. */
export function signText(text: string, charset: Charset, key: KeyObject, type: SignType): Promise<string> {
  return new Promise((resolve, reject) => {
    sign(DIGESTS[type], encode(text, charset), key, (error, signature) => {
      if (error) reject(error)
      else resolve(signature.toString('base64'))
    })
  })
}

/** Whether a Base64 signature matches text and key. False for invalid Base64. */
export function verifyText(text: string, signature: string, charset: Charset, key: KeyObject, type: SignType): boolean {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(signature)) return false
  return verify(DIGESTS[type], encode(text, charset), key, Buffer.from(signature, 'base64'))
}
