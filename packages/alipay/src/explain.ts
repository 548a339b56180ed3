/** Explains why a signature of Alipay's does not match, by trying the usual accidents on the way. */

import type { KeyObject } from 'node:crypto'
import { fingerprint } from '@xuecheng/client-kit'
import type { Parameters } from './canonical.ts'
import type { Charset } from './form.ts'
import type { SignType } from './sign.ts'
import { verify } from './verify.ts'

export interface Mismatch {
  readonly canonical: Buffer
  readonly charset: Charset
  readonly signature: Buffer
  readonly parameters: Parameters
  readonly alipayPublicKey: KeyObject
  readonly signType: SignType
}

/** One or two sentences: the key that was used and the most likely mistake. The message stays refused either way. */
export async function explainMismatch(mismatch: Mismatch): Promise<string> {
  const { canonical, charset, signature, parameters, alipayPublicKey, signType } = mismatch
  const text = canonical.toString(charset === 'gbk' ? 'latin1' : 'utf8')
  const accidents: readonly [string, Buffer, SignType][] = [
    [
      'it was made with the other signature type, SHA-1 for SHA-256 or the reverse',
      canonical,
      signType === 'RSA2' ? 'RSA' : 'RSA2',
    ],
    ['it covers sign_type: this is a message of another product, not of payments', withSignType(parameters), signType],
    [
      'the values were decoded once too often, or HTML-escaped, before they arrived here',
      Buffer.from(unescaped(text)),
      signType,
    ],
    [
      'its spaces arrived as +: something before this function decoded only the % signs',
      Buffer.from(text.replaceAll('+', ' ')),
      signType,
    ],
    ['line breaks or spaces at the ends of values were cut or added', Buffer.from(trimmed(parameters)), signType],
  ]
  const key = `Alipay's key ${fingerprint(alipayPublicKey).slice(0, 16)}`
  for (const [reason, content, kind] of accidents) {
    if (await verify(content, signature, alipayPublicKey, kind))
      return `The signature is by ${key}, but ${reason}. Pass the raw bytes to this function.`
  }
  return `The signature does not match ${key}. It was made with another key (of the sandbox, of another application, or the application's own is configured here in place of Alipay's), or the parameters were changed on the way.`
}

const sorted = (parameters: Parameters) => [...parameters].sort(([left], [right]) => (left < right ? -1 : 1))

const withSignType = (parameters: Parameters): Buffer =>
  Buffer.from(
    sorted(parameters)
      .filter(([name, value]) => name !== 'sign' && value !== '')
      .map(([name, value]) => `${name}=${value}`)
      .join('&'),
  )

const trimmed = (parameters: Parameters): string =>
  sorted(parameters)
    .filter(([name, value]) => name !== 'sign' && name !== 'sign_type' && value.trim() !== '')
    .map(([name, value]) => `${name}=${value.trim()}`)
    .join('&')

const ENTITIES: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&#34;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
}

const unescaped = (text: string): string =>
  text.replace(/&(?:quot|#34|#39|lt|gt|amp);/g, (entity) => ENTITIES[entity] ?? entity)
