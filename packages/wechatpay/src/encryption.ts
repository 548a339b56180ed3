/** AEAD_AES_256_GCM (WeChat Pay, "Decrypting"), which encrypts notifications and platform certificates. */
import { createDecipheriv } from 'node:crypto'
import { KeyError, readBase64 } from '@xuecheng/client-kit'

const TAG_BYTES = 16

/** The key that the merchant set in the console: 32 characters, used as they are. @throws KeyError */
export function readApiV3Key(text: string): Buffer {
  const key = text.trim()
  if (!/^[\x21-\x7E]{32}$/.test(key))
    throw new KeyError('UNREADABLE_API_V3_KEY', 'The APIv3 key must be the 32 characters set in the console.')
  return Buffer.from(key, 'latin1')
}

/** An encrypted value as a message contains it. */
export interface Encrypted {
  readonly algorithm: string
  /** Base64; its last 16 bytes are the tag. */
  readonly ciphertext: string
  readonly nonce: string
  readonly associatedData: string
}

/** Undefined when it was encrypted with another key, or any part of it was changed. */
export function decrypt({ algorithm, ciphertext, nonce, associatedData }: Encrypted, key: Buffer): string | undefined {
  const bytes = readBase64(ciphertext)
  if (algorithm !== 'AEAD_AES_256_GCM' || !bytes || bytes.length < TAG_BYTES || nonce === '') return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(associatedData))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain)
  } catch {
    return undefined
  }
}
