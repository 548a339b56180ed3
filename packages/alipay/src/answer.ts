/** Answers of the gateway: the signed text is found in the bytes as they came, and verified before it is believed. */
import { decrypt } from './encryption.ts'
import { type Charset, charsetOf } from './form.ts'
import { gbkSlice, memberRange, type TextRange } from './json-text.ts'
import type { Verifier } from './signed-form.ts'
import { readBase64, verify } from './verify.ts'

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
      readonly verified: boolean
      readonly fields: AnswerFields
      /** The text that the signature covers. */
      readonly signed: string
    }
  | { readonly kind: 'unbelievable'; readonly why: string; readonly signed?: string; readonly alipayCertSn?: string }

export interface AnswerReader extends Verifier {
  /** Opens encrypted answers. */
  readonly aesKey?: Buffer | undefined
}

/**
 * Reads an answer body. `verified` is false only where there was no signature at all, as on refusals of an application
 * that Alipay does not know; a signature that does not fit makes the answer unbelievable.
 */
export async function readAnswer(
  body: Buffer,
  contentType: string | null,
  method: string,
  reader: AnswerReader,
): Promise<ReadAnswer> {
  for (const charset of charsets(contentType)) {
    const text = decode(body, charset)
    const envelope = text === undefined ? undefined : parseObject(text)
    if (text !== undefined && envelope) return readEnvelope({ body, charset, text, envelope }, method, reader)
  }
  return { kind: 'unbelievable', why: 'The answer is no JSON object.' }
}

interface Envelope {
  readonly body: Buffer
  readonly charset: Charset
  readonly text: string
  readonly envelope: Readonly<Record<string, unknown>>
}

async function readEnvelope(whole: Envelope, method: string, reader: AnswerReader): Promise<ReadAnswer> {
  const { text, envelope } = whole
  const name = [`${method.replaceAll('.', '_')}_response`, 'error_response'].find((each) =>
    Object.hasOwn(envelope, each),
  )
  if (!name) return { kind: 'unbelievable', why: 'The answer has neither the expected node nor an error.' }
  const range = memberRange(text, name)
  if (!range) return { kind: 'unbelievable', why: 'The answer has its node twice.' }
  const signed = text.slice(range.start, range.end)
  const signature = envelope['sign']
  const isSigned = typeof signature === 'string' && signature !== ''
  if (isSigned && !(await fits(whole, range, signature, reader))) {
    const certificate = envelope['alipay_cert_sn']
    return {
      kind: 'unbelievable',
      why: "The answer's signature does not fit Alipay's public key.",
      signed,
      ...(typeof certificate === 'string' ? { alipayCertSn: certificate } : {}),
    }
  }
  const fields = fieldsOf(envelope[name], reader)
  if (typeof fields === 'string') return { kind: 'unbelievable', why: fields, signed }
  return { kind: 'answer', verified: isSigned, fields, signed }
}

/** Documented as utf-8; some failures come in GBK all the same. */
function charsets(contentType: string | null): Charset[] {
  const named = charsetOf(/charset=([\w-]+)/i.exec(contentType ?? '')?.[1])
  return named === 'gbk' ? ['gbk', 'utf-8'] : ['utf-8', 'gbk']
}

function decode(body: Buffer, charset: Charset): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return asObject(value)
  } catch {
    return undefined
  }
}

const asObject = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined

/** The node's fields, decrypted where it is text; or, in words, why there are none. */
function fieldsOf(node: unknown, { aesKey }: AnswerReader): AnswerFields | string {
  if (typeof node === 'string' && !aesKey) return 'The answer is encrypted, and no AES key is configured.'
  const plain = typeof node === 'string' && aesKey ? decrypt(node, aesKey) : undefined
  const values = typeof node === 'string' ? parseObject(plain ?? '') : asObject(node)
  if (!values) return typeof node === 'string' ? 'The answer does not decrypt with this AES key.' : 'It has no fields.'
  const text = (name: string) =>
    typeof values[name] === 'string' || typeof values[name] === 'number' ? String(values[name]) : ''
  return { code: text('code'), msg: text('msg'), subCode: text('sub_code'), subMsg: text('sub_msg'), values }
}

/** Over the bytes as they came; where `/` was written `\/` and signed plain, that form is accepted too (Java SDK's rule). */
async function fits(whole: Envelope, range: TextRange, signature: string, verifier: Verifier): Promise<boolean> {
  const bytes = readBase64(signature)
  if (!bytes) return false
  const { alipayPublicKey, signType } = verifier
  const signed = whole.text.slice(range.start, range.end)
  const content = whole.charset === 'gbk' ? gbkSlice(whole.body, range) : Buffer.from(signed, 'utf8')
  if (await verify(content, bytes, alipayPublicKey, signType)) return true
  if (whole.charset === 'gbk' || !signed.includes('\\/')) return false
  return verify(Buffer.from(signed.replaceAll('\\/', '/'), 'utf8'), bytes, alipayPublicKey, signType)
}
