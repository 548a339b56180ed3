/** Answers of the gateway: the signed text is found in the bytes as they came, and verified before it is believed. */
import { charsetOf } from './form.ts'
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
  | { readonly kind: 'answer'; readonly verified: boolean; readonly fields: AnswerFields; readonly signed: string }
  | { readonly kind: 'unbelievable'; readonly why: string }

/**
 * Reads an answer body. `verified` is false only where there was no signature at all, as on refusals of an application
 * that Alipay does not know; a signature that does not fit makes the answer unbelievable.
 */
export async function readAnswer(
  body: Buffer,
  contentType: string | null,
  method: string,
  verifier: Verifier,
): Promise<ReadAnswer> {
  const node = `${method.replaceAll('.', '_')}_response`
  for (const charset of charsets(contentType)) {
    const text = decode(body, charset)
    if (text === undefined) continue
    const envelope = parseObject(text)
    if (!envelope) continue
    const name = node in envelope ? node : 'error_response' in envelope ? 'error_response' : undefined
    if (!name) return { kind: 'unbelievable', why: 'The answer has neither the expected node nor an error.' }
    const signed = memberText(text, name)
    const fields = signed === undefined ? undefined : fieldsOf(signed)
    if (signed === undefined || !fields) return { kind: 'unbelievable', why: 'The answer cannot be read.' }
    const signature = envelope['sign']
    if (typeof signature !== 'string' || signature === '') return { kind: 'answer', verified: false, fields, signed }
    const bytes = readBase64(signature)
    if (bytes && (await fits(signed, charset, body, bytes, verifier)))
      return { kind: 'answer', verified: true, fields, signed }
    return { kind: 'unbelievable', why: "The answer's signature does not fit Alipay's public key." }
  }
  return { kind: 'unbelievable', why: 'The answer is no JSON.' }
}

/** Documented as utf-8; some failures come in GBK all the same. */
function charsets(contentType: string | null): ('utf-8' | 'gbk')[] {
  const named = charsetOf(/charset=([\w-]+)/i.exec(contentType ?? '')?.[1])
  return named === 'gbk' ? ['gbk', 'utf-8'] : ['utf-8', 'gbk']
}

function decode(body: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function fieldsOf(signed: string): AnswerFields | undefined {
  const values = parseObject(signed)
  if (!values) return undefined
  const text = (name: string) =>
    typeof values[name] === 'string' || typeof values[name] === 'number' ? String(values[name]) : ''
  return { code: text('code'), msg: text('msg'), subCode: text('sub_code'), subMsg: text('sub_msg'), values }
}

/**
 * The exact text of a member of the outermost object. Only that level is looked at, so a member of the same name inside
 * another value is never mistaken for it; a second one at that level makes the answer unreadable.
 */
export function memberText(json: string, name: string): string | undefined {
  let found: string | undefined
  let index = skipSpace(json, json.indexOf('{') + 1)
  while (index < json.length && json[index] !== '}') {
    const keyEnd = valueEnd(json, index)
    const key: unknown = JSON.parse(json.slice(index, keyEnd))
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1)
    const end = valueEnd(json, start)
    if (key === name) {
      if (found !== undefined) return undefined
      found = json.slice(start, end)
    }
    index = skipSpace(json, end)
    if (json[index] === ',') index = skipSpace(json, index + 1)
  }
  return found
}

function skipSpace(json: string, from: number): number {
  let index = from
  while (' \t\r\n'.includes(json[index] ?? 'x')) index += 1
  return index
}

/** The end of the value that begins at `from`, in text that is known to be JSON. */
function valueEnd(json: string, from: number): number {
  let depth = 0
  let inString = false
  for (let index = from; index < json.length; index += 1) {
    const character = json[index]
    if (inString) {
      if (character === '\\') index += 1
      else if (character === '"') {
        inString = false
        if (depth === 0) return index + 1
      }
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      if (depth === 0) return index
      depth -= 1
      if (depth === 0) return index + 1
    } else if (depth === 0 && (character === ',' || character === ':' || ' \t\r\n'.includes(character ?? '')))
      return index
  }
  return json.length
}

/** Over the bytes as they came; where `/` was written `\/` and signed plain, that form is accepted too (Java SDK's rule). */
async function fits(
  signed: string,
  charset: string,
  body: Buffer,
  signature: Buffer,
  verifier: Verifier,
): Promise<boolean> {
  const content = charset === 'utf-8' ? Buffer.from(signed, 'utf8') : bytesBetween(body, signed)
  if (!content) return false
  const { alipayPublicKey, signType } = verifier
  if (await verify(content, signature, alipayPublicKey, signType)) return true
  if (charset !== 'utf-8' || !signed.includes('\\/')) return false
  return verify(Buffer.from(signed.replaceAll('\\/', '/'), 'utf8'), signature, alipayPublicKey, signType)
}

/** The node's own bytes in a GBK body: found by decoding ever longer beginnings is not needed, for JSON's signs are ASCII. */
function bytesBetween(body: Buffer, signed: string): Buffer | undefined {
  const decoder = new TextDecoder('gbk')
  for (let start = body.indexOf('{', 1); start >= 0; start = body.indexOf('{', start + 1)) {
    for (let end = body.lastIndexOf('}'); end > start; end = body.lastIndexOf('}', end - 1)) {
      const slice = body.subarray(start, end + 1)
      if (slice.length <= signed.length * 2 && decoder.decode(slice) === signed) return slice
    }
  }
  return undefined
}
