/** Verifies a signature over exact bytes, in the kind that the application uses. */
import type { KeyObject } from 'node:crypto'
import { verifyText } from '@xuecheng/client-kit'
import { DIGESTS, type SignType } from './sign.ts'

export function verify(content: Buffer, signature: Buffer, publicKey: KeyObject, signType: SignType): Promise<boolean> {
  return verifyText(content, signature, publicKey, DIGESTS[signType])
}
