/** Signs on the thread pool: RSASSA-PKCS1-v1_5, with SHA-256 for RSA2 and SHA-1 for RSA (Alipay, "Signing"). */
import type { KeyObject } from 'node:crypto'
import { signText as signWith } from '@xuecheng/client-kit'
import { canonicalString, type Parameters } from './canonical.ts'

export type SignType = 'RSA2' | 'RSA'

export const DIGESTS = { RSA2: 'RSA-SHA256', RSA: 'RSA-SHA1' } as const

/** Signs a canonical string in UTF-8, as base64 without line breaks. */
export const signText = (canonical: string, privateKey: KeyObject, signType: SignType): Promise<string> =>
  signWith(canonical, privateKey, DIGESTS[signType])

/** Signs a request's parameters; only `sign` itself is left out. */
export const sign = (parameters: Parameters, privateKey: KeyObject, signType: SignType): Promise<string> =>
  signText(canonicalString(parameters, ['sign']), privateKey, signType)
