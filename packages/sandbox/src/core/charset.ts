/** The two charsets of Alipay's gateway, UTF-8 and GBK: bytes to text and back, and form encoding in either. */
import iconv from 'iconv-lite'

/** The parameters of a form, in order. */
export type Fields = readonly (readonly [name: string, value: string])[]

export type Charset = 'utf-8' | 'gbk'

/** Reads a `charset` parameter in any spelling; undefined if the gateway would refuse it. */
export function charsetNamed(name: string): Charset | undefined {
  const lower = name.toLowerCase()
  if (lower === 'utf-8' || lower === 'utf8') return 'utf-8'
  if (lower === 'gbk' || lower === 'gb2312' || lower === 'gb18030') return 'gbk'
  return undefined
}

export function encode(text: string, charset: Charset): Buffer {
  return charset === 'utf-8' ? Buffer.from(text, 'utf8') : iconv.encode(text, 'gbk')
}

export function decode(bytes: Buffer, charset: Charset): string {
  return charset === 'utf-8' ? bytes.toString('utf8') : iconv.decode(bytes, 'gbk')
}

/** Parses `a=b&c=d` (application/x-www-form-urlencoded): `+` and `%20` are spaces, a lone `%` stands for itself. */
export function parseForm(bytes: Buffer, charset: Charset): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (const part of bytes.toString('latin1').split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    const value = equals < 0 ? '' : part.slice(equals + 1)
    pairs.push([unquote(name, charset), unquote(value, charset)])
  }
  return pairs
}

/** Writes pairs as application/x-www-form-urlencoded, spaces as `+`, as Java's URLEncoder does. */
export function formatForm(pairs: readonly (readonly [name: string, value: string])[], charset: Charset): string {
  return pairs.map(([name, value]) => `${quote(name, charset)}=${quote(value, charset)}`).join('&')
}

function unquote(latin1: string, charset: Charset): string {
  const spaced = latin1.includes('+') ? latin1.replaceAll('+', ' ') : latin1
  if (charset === 'utf-8' && !NOT_ASCII.test(spaced)) {
    try {
      return decodeURIComponent(spaced)
    } catch {
      // a lone `%`, or bytes that are not UTF-8: handled one by one below
    }
  }
  if (!spaced.includes('%')) return decode(Buffer.from(spaced, 'latin1'), charset)
  const bytes = Buffer.alloc(spaced.length)
  let length = 0
  for (let at = 0; at < spaced.length; at++) {
    const code = spaced.charCodeAt(at)
    const hex = code === 0x25 ? spaced.slice(at + 1, at + 3) : ''
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes[length++] = Number.parseInt(hex, 16)
      at += 2
    } else {
      bytes[length++] = code
    }
  }
  return decode(bytes.subarray(0, length), charset)
}

const NOT_ASCII = /[^ -~]/
const SAFE = /^[A-Za-z0-9.\-*_]*$/

function quote(text: string, charset: Charset): string {
  if (SAFE.test(text)) return text
  if (charset === 'utf-8' && text.isWellFormed()) {
    return encodeURIComponent(text).replace(/%20|[!'()~]/g, (found) =>
      found === '%20' ? '+' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  }
  let out = ''
  for (const byte of encode(text, charset)) {
    const character = String.fromCharCode(byte)
    if (byte === 0x20) out += '+'
    else if (byte < 0x80 && SAFE.test(character)) out += character
    else out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
