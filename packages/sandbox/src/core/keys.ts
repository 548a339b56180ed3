/** RSA keys, parsed once, and random numbers. */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomInt } from 'node:crypto'
import { promisify } from 'node:util'

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

/** The random part of a seller or buyer number: Alipay's have 2088 and twelve digits. */
export function digits(count: number): string {
  return String(randomInt(10 ** Math.min(count, 14))).padStart(count, '0')
}
