/**
 * Returns and notifications: form parameters signed by Alipay. `sign` and `sign_type` take no part in what is signed
 * (Alipay, "Asynchronous notification: verifying"). The signature's kind is ours to say, not the message's.
 */
import type { KeyObject } from 'node:crypto'
import { canonicalString, type Parameters } from './canonical.ts'
import { type FormProblem, readForm } from './form.ts'
import { fingerprint } from './keys.ts'
import type { SignType } from './sign.ts'
import { readBase64, verify } from './verify.ts'

export type RefusalCode =
  | FormProblem
  | 'NOT_FORM_ENCODED'
  | 'TOO_LARGE'
  | 'MISSING_SIGN'
  | 'SIGN_TYPE_MISMATCH'
  | 'SIGN_NOT_BASE64'
  | 'SIGN_MISMATCH'
  | 'MISSING_PARAMETER'

export interface Refused {
  readonly ok: false
  readonly code: RefusalCode
  readonly message: string
  /** What was there, for the record; nothing in it may be believed. */
  readonly parameters?: Parameters
  /** The string that the signature was checked against. */
  readonly canonical?: string
}

export interface VerifiedForm {
  readonly ok: true
  readonly parameters: Parameters
  readonly canonical: string
}

export interface Verifier {
  readonly alipayPublicKey: KeyObject
  readonly signType: SignType
}

/** Verifies form parameters; `own` are the merchant's own names, which Alipay did not sign. */
export async function verifyForm(
  body: Uint8Array | string,
  { alipayPublicKey, signType }: Verifier,
  own: readonly string[] = [],
): Promise<VerifiedForm | Refused> {
  const form = readForm(body)
  if (!form.ok) return form
  const { parameters } = form
  const refuse = (code: RefusalCode, message: string, canonical?: string): Refused => ({
    ok: false,
    code,
    message,
    parameters,
    ...(canonical === undefined ? {} : { canonical }),
  })
  const signature = parameters.get('sign')
  if (!signature) return refuse('MISSING_SIGN', 'There is no sign.')
  const claimed = parameters.get('sign_type')
  if (claimed !== signType) {
    return refuse(
      'SIGN_TYPE_MISMATCH',
      `sign_type is ${claimed?.slice(0, 20) ?? 'missing'}, and this application uses ${signType}.`,
    )
  }
  const bytes = readBase64(signature)
  if (!bytes) return refuse('SIGN_NOT_BASE64', 'sign is not base64.')
  const without = ['sign', 'sign_type', ...own]
  const canonical = canonicalString(parameters, without)
  const content = signedBytes(form.bytes, without)
  if (await verify(content, bytes, alipayPublicKey, signType)) return { ok: true, parameters, canonical }
  const message = `The signature does not fit Alipay's key ${fingerprint(alipayPublicKey).slice(0, 16)}. It was made with another key, or the parameters were changed on the way.`
  return refuse('SIGN_MISMATCH', message, canonical)
}

/** The canonical string in the very bytes that came, whatever their charset. */
function signedBytes(values: ReadonlyMap<string, Buffer>, without: readonly string[]): Buffer {
  const parts = [...values]
    .filter(([name, value]) => value.length > 0 && !without.includes(name))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => Buffer.concat([Buffer.from(`${name}=`), value]))
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [AND, part])))
}

const AND = Buffer.from('&')
