/**
 * Alipay's signatures, implemented independently: no code is shared with the client packages, so that a mistake cannot
 * confirm itself. Keys are parsed once; signing runs on libuv's thread pool.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
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

/** A new RSA-2048 pair as bare Base64: PKCS#8 and SPKI, as Alipay's console and key tool show them. */
export async function generateKeys(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return {
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  }
}

/** Reads a private key as this sandbox stores it: bare Base64 of PKCS#8. */
export function readPrivateKey(base64: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(base64, 'base64'), type: 'pkcs8', format: 'der' })
}

/**
 * Reads an application's public key: PEM or bare Base64, SPKI or PKCS#1, white space ignored. Undefined for anything
 * else, including a private key: a secret must not be uploaded.
 */
export function readPublicKey(text: string): KeyObject | undefined {
  const base64 = text.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined
  const der = Buffer.from(base64, 'base64')
  if (isPrivate(der)) return undefined
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const key = createPublicKey({ key: der, type, format: 'der' })
      return key.asymmetricKeyType === 'rsa' ? key : undefined
    } catch {
      // try the other form
    }
  }
  return undefined
}

/** Node would silently use the public half of a private key. */
function isPrivate(der: Buffer): boolean {
  return (['pkcs8', 'pkcs1'] as const).some((type) => {
    try {
      return createPrivateKey({ key: der, type, format: 'der' }).type === 'private'
    } catch {
      return false
    }
  })
}

/** The bare Base64 of a public key's SPKI. */
export function publicKeyText(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64')
}
