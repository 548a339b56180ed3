/**
 * Content encryption (Alipay, AES): AES-CBC with PKCS#7 padding and an initialisation vector of sixteen zero bytes,
 * Base64.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { type Charset, decode, encode } from '../../core/charset.ts'

const ZEROS = Buffer.alloc(16)

/** The plain text, or undefined if it was not encrypted with this key. */
export function decryptContent(base64: string, key: string, charset: Charset): string | undefined {
  try {
    const cipher = createDecipheriv('aes-128-cbc', Buffer.from(key, 'base64'), ZEROS)
    return decode(Buffer.concat([cipher.update(base64, 'base64'), cipher.final()]), charset)
  } catch {
    return undefined
  }
}

export function encryptContent(text: string, key: string, charset: Charset): string {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(key, 'base64'), ZEROS)
  return Buffer.concat([cipher.update(encode(text, charset)), cipher.final()]).toString('base64')
}
