/** Answers of the gateway: the signed text is found in the bytes as they came, and verified before it is believed. */
import { readBase64 } from '@xuecheng/client-kit'
import { decrypt } from './encryption.ts'
import { type Charset, charsetOf } from './form.ts'
import { memberRange } from './json-member.ts'
import type { Verifier } from './signed-form.ts'
import { verify } from './verify.ts'

export interface AnswerFields {
  readonly code: string
  readonly msg: string
  readonly subCode: string
  readonly subMsg: string
  /** Every member of the answer as it came. */
  readonly values: Readonly<Record<string, unknown>>
}

export type ReadAnswer =
  | {
      readonly kind: 'answer'
      /** False only where there was no signature at all, as on refusals of an application that Alipay does not know. */
      readonly verified: boolean
      readonly fields: AnswerFields
      /** The text that the signature covers. */
      readonly signed: string
    }
  | {
      readonly kind: 'unbelievable'
      readonly why: string
      readonly signed?: string
      /** The serial number of the certificate that it says it was signed with. */
      readonly alipayCertSn?: string
    }

export interface AnswerReader extends Verifier {
  /** Opens encrypted answers. */
  readonly aesKey?: Buffer | undefined
}

/**
 * Reads an answer body (Alipay, "Verifying a response"): one object with the method's node, or `error_response`, and
 * `sign` beside it, in any order. A signature that does not fit makes the answer unbelievable.
 */
export async function readAnswer(
  body: Buffer,
  contentType: string | null,
  method: string,
  reader: AnswerReader,
): Promise<ReadAnswer> {
  const read = envelopeOf(body, contentType)
  if (!read) return unbelievable('The answer is no JSON object.')
  const { envelope, charset } = read
  const node = `${method.replaceAll('.', '_')}_response`
  const name = [node, 'error_response'].find((each) => Object.hasOwn(envelope, each))
  if (!name) return unbelievable('The answer has neither the expected node nor an error.')
  const content = memberRange(body, charset, name)
  const signed = content && decode(content, charset)
  if (!content || signed === undefined) return unbelievable('The answer has its node twice.')
  const { sign, alipay_cert_sn: certSn } = envelope
  const isSigned = sign !== undefined && sign !== null && sign !== ''
  if (isSigned && !(await fits(content, charset, sign, reader))) {
    return {
      kind: 'unbelievable',
      why: "The answer's signature does not fit Alipay's public key.",
      signed,
      ...(typeof certSn === 'string' ? { alipayCertSn: certSn } : {}),
    }
  }
  const fields = fieldsOf(parse(signed), reader)
  return typeof fields === 'string' ? unbelievable(fields) : { kind: 'answer', verified: isSigned, fields, signed }
}

const unbelievable = (why: string) => ({ kind: 'unbelievable', why }) as const

type JsonObject = Readonly<Record<string, unknown>>

/** Documented as utf-8; some failures come in GBK all the same. */
function envelopeOf(body: Buffer, contentType: string | null): { envelope: JsonObject; charset: Charset } | undefined {
  const named = charsetOf(/charset=([\w-]+)/i.exec(contentType ?? '')?.[1])
  for (const charset of named === 'gbk' ? (['gbk', 'utf-8'] as const) : (['utf-8', 'gbk'] as const)) {
    const text = decode(body, charset)
    const envelope = text === undefined ? undefined : asObject(parse(text))
    if (envelope) return { envelope, charset }
  }
  return undefined
}

function decode(bytes: Buffer, charset: Charset): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const asObject = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined

/** The node's fields, decrypted where it is text; or, in words, why there are none. */
function fieldsOf(node: unknown, { aesKey }: AnswerReader): AnswerFields | string {
  const isText = typeof node === 'string'
  if (isText && !aesKey) return 'The answer is encrypted, and no AES key is configured.'
  const values = asObject(isText && aesKey ? parse(decrypt(node, aesKey) ?? '') : node)
  if (!values) return isText ? 'The answer does not decrypt with this AES key.' : 'The answer has no fields.'
  const text = (name: string) =>
    typeof values[name] === 'string' || typeof values[name] === 'number' ? String(values[name]) : ''
  return { code: text('code'), msg: text('msg'), subCode: text('sub_code'), subMsg: text('sub_msg'), values }
}

/** Over the bytes as they came; where `/` was written `\/` but signed plain, that form is accepted too (Java SDK's rule). */
async function fits(content: Buffer, charset: Charset, sign: unknown, verifier: Verifier): Promise<boolean> {
  const signature = typeof sign === 'string' ? readBase64(sign) : undefined
  if (!signature) return false
  const { alipayPublicKey, signType } = verifier
  if (await verify(content, signature, alipayPublicKey, signType)) return true
  if (charset !== 'utf-8' || !content.includes('\\/')) return false
  // Whole escapes only: `\\/` is a backslash and a slash, and means something else than `\/`.
  const plain = content.toString('latin1').replace(/\\./gs, (pair) => (pair === '\\/' ? '/' : pair))
  return verify(Buffer.from(plain, 'latin1'), signature, alipayPublicKey, signType)
}
