/** Encrypts stored secrets with a key from the shop's own secret, so that the database alone reveals nothing. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export interface Encryption {
  /** Encrypts and authenticates (AES-256-GCM) for one purpose; decrypting for another one fails. */
  encrypt(purpose: string, text: string): string
  /** @throws Error when it was encrypted with another secret or for another purpose, or was changed since */
  decrypt(purpose: string, encrypted: string): string
}

const VERSION = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param authSecret the shop's secret; after changing it, earlier text cannot be decrypted */
export function createEncryption(authSecret: string): Encryption {
  const keyFor = (purpose: string) => Buffer.from(hkdfSync('sha256', authSecret, 'xuecheng sealed', purpose, 32))
  return {
    encrypt(purpose, text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', keyFor(purpose), nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `${VERSION}.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')}`
    },
    decrypt(purpose, encrypted) {
      const [version, text = ''] = encrypted.split('.')
      const bytes = Buffer.from(text, 'base64url')
      if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('This was not encrypted here')
      const decipher = createDecipheriv('aes-256-gcm', keyFor(purpose), bytes.subarray(0, NONCE_BYTES))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const body = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      return Buffer.concat([body, decipher.final()]).toString('utf8')
    },
  }
}
