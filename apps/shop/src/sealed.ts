/** Secrets at rest: sealed with a key that comes from the shop's own secret, so that the database alone tells nothing. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export interface Seal {
  /** Encrypts and authenticates (AES-256-GCM). What is sealed for one purpose opens for no other. */
  seal(purpose: string, text: string): string
  /** @throws Error when it was sealed with another secret, for another purpose, or has been changed since */
  open(purpose: string, sealed: string): string
}

const VERSION = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param authSecret the shop's secret: whoever changes it cannot open what was sealed before */
export function createSeal(authSecret: string): Seal {
  const keyFor = (purpose: string) => Buffer.from(hkdfSync('sha256', authSecret, 'xuecheng sealed', purpose, 32))
  return {
    seal(purpose, text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', keyFor(purpose), nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `${VERSION}.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')}`
    },
    open(purpose, sealed) {
      const [version, text = ''] = sealed.split('.')
      const bytes = Buffer.from(text, 'base64url')
      if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('This was not sealed here')
      const decipher = createDecipheriv('aes-256-gcm', keyFor(purpose), bytes.subarray(0, NONCE_BYTES))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const body = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      return Buffer.concat([body, decipher.final()]).toString('utf8')
    },
  }
}
