/** Content encryption (Alipay, "Content encryption: AES"): AES-CBC, PKCS#7, sixteen zero bytes as IV, base64. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { KeyError } from './errors.ts'
import { readBase64 } from './verify.ts'

/** The zero IV is Alipay's rule: equal contents give equal ciphertexts. The signature, not this, keeps contents whole. */
const IV = Buffer.alloc(16)

/** The console's content key: base64 of 16, 24 or 32 bytes. @throws KeyError */
export function readAesKey(key: string): Buffer {
  const bytes = readBase64(key.trim())
  if (bytes && [16, 24, 32].includes(bytes.length)) return bytes
  throw new KeyError('UNREADABLE_AES_KEY', 'The AES key must be base64 of 16, 24 or 32 bytes, as the console shows it.')
}

/** Encrypts text (utf-8). Encrypt first, then sign. @returns base64 */
export function encryptContent(clear: string, key: Buffer): string {
  const cipher = createCipheriv(algorithm(key), key, IV)
  return Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()]).toString('base64')
}

/** The clear text; undefined where it was not encrypted with this key. */
export function decryptContent(encrypted: string, key: Buffer): string | undefined {
  const bytes = readBase64(encrypted)
  if (!bytes) return undefined
  try {
    const decipher = createDecipheriv(algorithm(key), key, IV)
    const clear = Buffer.concat([decipher.update(bytes), decipher.final()])
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(clear)
  } catch {
    return undefined
  }
}

const algorithm = (key: Buffer) => `aes-${key.length * 8}-cbc`
