/**
 * Content encryption (Alipay, "AES"): AES-128-CBC, PKCS#7 padding, an IV of zero bytes, base64. Encrypt first, then
 * sign.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto'
import { KeyError } from '@xuecheng/client-kit'

const IV = Buffer.alloc(16)

/** Reads the key that the console shows: base64 of 128 bits (192 and 256 work too). @throws KeyError */
export function readAesKey(text: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (![16, 24, 32].includes(key.length) || key.toString('base64') !== text.trim())
    throw new KeyError('UNREADABLE_AES_KEY', 'The AES key must be the base64 of 16 bytes, as the console shows it.')
  return key
}

export function encrypt(plain: string, key: Buffer): string {
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, IV)
  return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]).toString('base64')
}

/**
 * Undefined when the text was not encrypted with this key. CBC does not authenticate: the signature guards integrity.
 */
export function decrypt(text: string, key: Buffer): string | undefined {
  try {
    const decipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, IV)
    const plain = Buffer.concat([decipher.update(text, 'base64'), decipher.final()])
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain)
  } catch {
    return undefined
  }
}
