/** RSASSA-PKCS1-v1_5 over exact bytes; the callback forms of node:crypto run on the thread pool. */
import { type KeyObject, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { promisify } from 'node:util'

export type Digest = 'RSA-SHA256' | 'RSA-SHA1'

const verifyOnPool = promisify<string, Buffer, KeyObject, Buffer, boolean>(verifyBytes)

/** Signs text in UTF-8, as base64 without line breaks. */
export function signText(text: string, privateKey: KeyObject, digest: Digest): Promise<string> {
  return new Promise((resolve, reject) => {
    signBytes(digest, Buffer.from(text, 'utf8'), privateKey, (error, signature) => {
      if (error) reject(error)
      else resolve(signature.toString('base64'))
    })
  })
}

/** Whether this key made a signature over these bytes; never throws for bad input. */
export function verifyText(content: Buffer, signature: Buffer, publicKey: KeyObject, digest: Digest): Promise<boolean> {
  return verifyOnPool(digest, content, publicKey, signature)
}

/** Strict base64: no line breaks, no other alphabet, padding in place; undefined for anything else. */
export function readBase64(text: string): Buffer | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
