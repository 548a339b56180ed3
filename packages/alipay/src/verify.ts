/** Verifies a signature over exact bytes, on the thread pool. */
import { type KeyObject, verify as verifyBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { DIGESTS, type SignType } from './sign.ts'

const verifyOnPool = promisify<string, Buffer, KeyObject, Buffer, boolean>(verifyBytes)

/** Strict base64, as Alipay writes it: no line breaks, no other alphabet, padding in place. */
export function readBase64(text: string): Buffer | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

export function verify(content: Buffer, signature: Buffer, publicKey: KeyObject, signType: SignType): Promise<boolean> {
  return verifyOnPool(DIGESTS[signType], content, publicKey, signature)
}
