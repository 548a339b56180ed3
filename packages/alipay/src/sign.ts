/** Signatures made on the thread pool: RSASSA-PKCS1-v1_5, with SHA-256 for RSA2 and SHA-1 for RSA (Alipay, "Signing"). */
import { type KeyObject, sign as signBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { canonicalString, type Parameters } from './canonical.ts'

export type SignType = 'RSA2' | 'RSA'

export const DIGESTS = { RSA2: 'RSA-SHA256', RSA: 'RSA-SHA1' } as const

const signOnPool = promisify<string, Buffer, KeyObject, Buffer>(signBytes)

/** Signs a request's parameters; only `sign` itself takes no part. @returns base64 without line breaks */
export async function sign(parameters: Parameters, privateKey: KeyObject, signType: SignType): Promise<string> {
  const content = Buffer.from(canonicalString(parameters, ['sign']), 'utf8')
  const signature = await signOnPool(DIGESTS[signType], content, privateKey)
  return signature.toString('base64')
}
