/** Verifies a signature over exact bytes, with the application's signature type. */
import type { KeyObject } from 'node:crypto'
import { verifyText } from '@xuecheng/client-kit'
import { DIGESTS, type SignType } from './sign.ts'

export function verify(content: Buffer, signature: Buffer, publicKey: KeyObject, signType: SignType): Promise<boolean> {
  return verifyText(content, signature, publicKey, DIGESTS[signType])
}
