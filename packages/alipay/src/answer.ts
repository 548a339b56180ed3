/** Reads the gateway's answers: finds the signed text in the raw bytes and verifies it before anything is trusted. */
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
  /** Every member of the answer, unchanged. */
  readonly values: Readonly<Record<string, unknown>>
}

export type ReadAnswer =
  | {
      readonly kind: 'answer'
      /** False only when there was no signature at all, as on refusals of an application that Alipay does not know. */
      readonly verified: boolean
      readonly fields: AnswerFields
      /** The text that the signature covers. */
      readonly signed: string
    }
  | {
      readonly kind: 'untrusted'
      readonly why: string
      readonly signed?: string
      /** The serial number of the certificate that the answer names. */
      readonly alipayCertSn?: string
    }

export interface AnswerReader extends Verifier {
  /** Decrypts encrypted answers. */
  readonly aesKey?: Buffer | undefined
}

/**
 * Reads an answer body (Alipay, "Verifying a response"): one object with the method's node, or `error_response`, and
 * `sign` beside it, in any order. An answer whose signature does not match is not trusted.
 */
export async function readAnswer(
  body: Buffer,
  contentType: string | null,
  method: string,
  reader: AnswerReader,
): Promise<ReadAnswer> {
  const read = envelopeOf(body, contentType)
  if (!read) return untrusted('The answer is not a JSON object.')
  const { envelope, charset } = read
  const node = `${method.replaceAll('.', '_')}_response`
  const name = [node, 'error_response'].find((each) => Object.hasOwn(envelope, each))
  if (!name) return untrusted('The answer has neither the expected node nor an error.')
  const content = memberRange(body, charset, name)
  const signed = content && decode(content, charset)
  if (!content || signed === undefined) return untrusted('The answer contains its node twice.')
  const { sign, alipay_cert_sn: certSn } = envelope
  const isSigned = sign !== undefined && sign !== null && sign !== ''
  if (isSigned && !(await fits(content, charset, sign, reader))) {
    return {
      kind: 'untrusted',
      why: "The answer's signature does not match Alipay's public key.",
      signed,
      ...(typeof certSn === 'string' ? { alipayCertSn: certSn } : {}),
    }
  }
  const fields = fieldsOf(parse(signed), reader)
  return typeof fields === 'string' ? untrusted(fields) : { kind: 'answer', verified: isSigned, fields, signed }
}

const untrusted = (why: string) => ({ kind: 'untrusted', why }) as const

type JsonObject = Readonly<Record<string, unknown>>

/** Answers are documented as utf-8, but some failures come in GBK. */
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

/** The node's fields, decrypted if the node is text; or a message saying why they cannot be read. */
function fieldsOf(node: unknown, { aesKey }: AnswerReader): AnswerFields | string {
  const isText = typeof node === 'string'
  if (isText && !aesKey) return 'The answer is encrypted, but no AES key is configured.'
  const values = asObject(isText && aesKey ? parse(decrypt(node, aesKey) ?? '') : node)
  if (!values) return isText ? 'The answer cannot be decrypted with this AES key.' : 'The answer has no fields.'
  const text = (name: string) =>
    typeof values[name] === 'string' || typeof values[name] === 'number' ? String(values[name]) : ''
  return { code: text('code'), msg: text('msg'), subCode: text('sub_code'), subMsg: text('sub_msg'), values }
}

/**
 * Verifies the raw bytes; when `/` was sent as `\/` but signed unescaped, that form is accepted too (as the Java SDK
 * does).
 */
async function fits(content: Buffer, charset: Charset, sign: unknown, verifier: Verifier): Promise<boolean> {
  const signature = typeof sign === 'string' ? readBase64(sign) : undefined
  if (!signature) return false
  const { alipayPublicKey, signType } = verifier
  if (await verify(content, signature, alipayPublicKey, signType)) return true
  if (charset !== 'utf-8' || !content.includes('\\/')) return false
  // Replace whole escapes only: `\\/` is a backslash and a slash, not an escaped slash.
  const plain = content.toString('latin1').replace(/\\./gs, (pair) => (pair === '\\/' ? '/' : pair))
  return verify(Buffer.from(plain, 'latin1'), signature, alipayPublicKey, signType)
}
