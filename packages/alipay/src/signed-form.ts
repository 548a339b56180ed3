/**
 * Verifies returns and notifications: form parameters signed by Alipay. The signature does not cover `sign` and
 * `sign_type` (Alipay, "Asynchronous notification: verifying"). Our configuration fixes the signature type, not the
 * message.
 */

import type { KeyObject } from 'node:crypto'
import { readBase64 } from '@xuecheng/client-kit'
import type { Parameters } from './canonical.ts'
import { explainMismatch } from './explain.ts'
import { type FormProblem, readForm } from './form.ts'
import type { SignType } from './sign.ts'
import { verify } from './verify.ts'

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
  /** The parameters that arrived, for logs; do not trust any of them. */
  readonly parameters?: Parameters
  /** The string that the signature was checked against. */
  readonly canonical?: string
}

export interface VerifiedForm {
  readonly ok: true
  /** What was signed, plus `sign` and `sign_type` themselves; nothing that the signature does not cover. */
  readonly parameters: Parameters
  readonly canonical: string
}

export interface Verifier {
  readonly alipayPublicKey: KeyObject
  readonly signType: SignType
}

/** Verifies form parameters; names that `counts` rejects are the merchant's own, which Alipay did not sign. */
export async function verifyForm(
  body: Uint8Array | string,
  { alipayPublicKey, signType }: Verifier,
  counts?: (name: string) => boolean,
): Promise<VerifiedForm | Refused> {
  const form = readForm(body, counts)
  if (!form.ok) return form
  const { parameters, charset } = form
  const refuse = (code: RefusalCode, message: string, canonical?: string): Refused => ({
    ok: false,
    code,
    message,
    parameters,
    ...(canonical === undefined ? {} : { canonical }),
  })
  const signature = parameters.get('sign')
  if (!signature) return refuse('MISSING_SIGN', 'The sign parameter is missing.')
  const claimed = parameters.get('sign_type')
  if (claimed !== signType) {
    return refuse(
      'SIGN_TYPE_MISMATCH',
      `sign_type is ${claimed?.slice(0, 20) ?? 'missing'}, but this application uses ${signType}.`,
    )
  }
  const bytes = readBase64(signature)
  if (!bytes) return refuse('SIGN_NOT_BASE64', 'sign is not base64.')
  const doubtful = ambiguous(parameters)
  if (doubtful !== undefined)
    return refuse('MALFORMED', `The parameter ${doubtful.slice(0, 40)} could be read as more than one.`)
  const wordings = possibleWordings(form.bytes)
  for (const names of wordings) {
    const content = joined(form.bytes, names)
    // guard: alipay-signature
    if (!(await verify(content, bytes, alipayPublicKey, signType))) continue
    const covered = [...parameters].filter(([name]) => names.includes(name) || name === 'sign' || name === 'sign_type')
    return { ok: true, parameters: new Map(covered), canonical: new TextDecoder(charset).decode(content) }
  }
  const canonical = joined(form.bytes, wordings[0] ?? [])
  const message = await explainMismatch({ canonical, charset, signature: bytes, parameters, alipayPublicKey, signType })
  return refuse('SIGN_MISMATCH', message, new TextDecoder(charset).decode(canonical))
}

/**
 * Which names may have been signed. The documents disagree on empty values (one page drops them, another keeps them)
 * and do not mention `alipay_cert_sn`, which certificate mode adds. Every reading uses only parameters of the message
 * itself.
 */
function possibleWordings(values: ReadonlyMap<string, Buffer>): string[][] {
  const all = [...values.keys()].filter((name) => name !== 'sign' && name !== 'sign_type').sort()
  const filled = all.filter((name) => values.get(name)?.length !== 0)
  const wordings = filled.length === all.length ? [filled] : [filled, all]
  if (!values.has('alipay_cert_sn')) return wordings
  return [...wordings, ...wordings.map((names) => names.filter((name) => name !== 'alipay_cert_sn'))]
}

/** `name=value` joined with `&`, in the raw bytes, whatever their charset. */
function joined(values: ReadonlyMap<string, Buffer>, names: readonly string[]): Buffer {
  const parts = names.flatMap((name, index) => [
    Buffer.from(`${index === 0 ? '' : '&'}${name}=`),
    values.get(name) ?? Buffer.alloc(0),
  ])
  return Buffer.concat(parts)
}

/**
 * Names that matter: no genuine value contains `&` followed by one of them, and their own values never contain `&` or
 * `=`.
 */
const DECISIVE = [
  'app_id',
  'auth_app_id',
  'charset',
  'gmt_close',
  'gmt_payment',
  'gmt_refund',
  'notify_id',
  'notify_time',
  'notify_type',
  'out_biz_no',
  'out_trade_no',
  'refund_fee',
  'seller_id',
  'timestamp',
  'total_amount',
  'trade_no',
  'trade_status',
]

const SWALLOWED = new RegExp(`&(?:${DECISIVE.join('|')})=`)

/**
 * The signed string does not show where a value ends: `body=x&total_amount=1` is one parameter or two. An attacker
 * could therefore join two parameters into one, or split one, without changing the signed string.
 */
function ambiguous(parameters: Parameters): string | undefined {
  for (const [name, value] of parameters) {
    if (/[=&]/.test(name) || SWALLOWED.test(value)) return name
    if (DECISIVE.includes(name) && /[=&]/.test(value)) return name
  }
  return undefined
}
