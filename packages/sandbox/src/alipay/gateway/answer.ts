/** Writes the gateway's answers byte for byte like Alipay: the node first, then its signature. */
import { type Charset, encode } from '../../core/charset.ts'
import type { Merchant } from '../merchants.ts'
import { type SignType, signText } from '../signature.ts'
import type { GatewayError } from './errors.ts'

/** A node's fields: strings, and lists of the objects of strings that Alipay nests. */
export type Field = string | readonly Readonly<Record<string, string>>[] | readonly string[] | undefined
export type Fields = Readonly<Record<string, Field>>

/** The text of a node: code, msg and sub first, then the rest by name; compact, `/` as `\/`, non-ASCII raw. */
export function nodeText(first: readonly (readonly [string, string])[], fields: Fields): string {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(Object.fromEntries([...first, ...rest])).replaceAll('/', '\\/')
}

export function successText(fields: Fields): string {
  return nodeText(
    [
      ['code', '10000'],
      ['msg', 'Success'],
    ],
    fields,
  )
}

export function errorText({ code, msg, subCode, subMsg, fields = {} }: GatewayError): string {
  return nodeText(
    [
      ['code', code],
      ['msg', msg],
      ['sub_code', subCode],
      ['sub_msg', subMsg],
    ],
    fields,
  )
}

/** The node's name: the method's dots as underscores and `_response`; `error_response` for an unknown method. */
export function nodeName(method: string): string {
  return /^[a-z][a-z0-9._]*$/i.test(method) ? `${method.replaceAll('.', '_')}_response` : 'error_response'
}

export interface Signer {
  readonly merchant: Merchant
  readonly type: SignType
  /** SN of Alipay's certificate, in certificate mode. */
  readonly certificateSn?: string | undefined
}

/** The whole body. Without a signer (an unknown application) it has no signature. */
export async function answerBody(name: string, node: string, charset: Charset, signer?: Signer): Promise<Buffer> {
  if (!signer) return encode(`{"${name}":${node}}`, charset)
  const sign = await signText(node, charset, signer.merchant.alipayKey, signer.type)
  const sn = signer.certificateSn === undefined ? '' : `"alipay_cert_sn":"${signer.certificateSn}",`
  return encode(`{"${name}":${node},${sn}"sign":"${sign}"}`, charset)
}
