/** Parses form-encoded bytes: decoded once, in the charset they name, each name at most once. */
import type { Parameters } from './canonical.ts'

export type FormProblem = 'MALFORMED' | 'REPEATED_PARAMETER' | 'UNKNOWN_CHARSET'

export type ReadForm =
  | {
      readonly ok: true
      readonly parameters: Parameters
      /** Each value's raw bytes, percent-decoded: what was signed. */
      readonly bytes: ReadonlyMap<string, Buffer>
      readonly charset: Charset
    }
  | { readonly ok: false; readonly code: FormProblem; readonly message: string }

export type Charset = 'utf-8' | 'gbk'

/** Genuine messages have about thirty. */
const MAX_PARAMETERS = 200

/**
 * Reads a body or query. Values are decoded in the charset that the form's own `charset=` names (utf-8 by default).
 * @param counts which names to read (all by default); other names are not even decoded, and may occur twice
 */
export function readForm(body: Uint8Array | string, counts: (name: string) => boolean = () => true): ReadForm {
  // latin1 gives one character per byte, so that the pairs can be split before their charset is known.
  const text = (typeof body === 'string' ? Buffer.from(body, 'utf8') : Buffer.from(body)).toString('latin1')
  const pairs: [Buffer, Buffer][] = []
  const parts = text.split('&', MAX_PARAMETERS + 1)
  if (parts.length > MAX_PARAMETERS) return refused('MALFORMED', `There are more than ${MAX_PARAMETERS} parameters.`)
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = percentDecode(equals < 0 ? part : part.slice(0, equals))
    if (!counts(name?.toString('latin1') ?? part)) continue
    const value = percentDecode(equals < 0 ? '' : part.slice(equals + 1))
    if (!name || !value || name.length === 0 || value.includes(0))
      return refused('MALFORMED', 'The body is not form-urlencoded.')
    pairs.push([name, value])
  }
  const named = pairs.find(([name]) => name.toString('latin1') === 'charset')?.[1].toString('latin1')
  const charset = charsetOf(named)
  if (!charset) return refused('UNKNOWN_CHARSET', 'charset is neither utf-8 nor gbk.')
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
  const parameters = new Map<string, string>()
  const bytes = new Map<string, Buffer>()
  try {
    for (const [nameBytes, valueBytes] of pairs) {
      const name = decoder.decode(nameBytes)
      if (parameters.has(name)) return refused('REPEATED_PARAMETER', `The parameter ${name.slice(0, 40)} occurs twice.`)
      parameters.set(name, decoder.decode(valueBytes))
      bytes.set(name, valueBytes)
    }
  } catch {
    return refused('MALFORMED', `A value is not ${charset} text.`)
  }
  return { ok: true, parameters, bytes, charset }
}

const refused = (code: FormProblem, message: string) => ({ ok: false, code, message }) as const

export function charsetOf(name: string | undefined): Charset | undefined {
  const known = (name ?? 'utf-8').toLowerCase()
  if (known === 'utf-8' || known === 'utf8') return 'utf-8'
  return known === 'gbk' || known === 'gb2312' || known === 'gb18030' ? 'gbk' : undefined
}

/** `+` is a space, `%XX` a byte, everything else the byte it is; a lone `%` is malformed. */
function percentDecode(text: string): Buffer | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  const bytes = Buffer.from(text.replaceAll('+', ' '), 'latin1')
  if (!bytes.includes(0x25)) return bytes
  const out = Buffer.alloc(bytes.length)
  let length = 0
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes.readUInt8(index)
    const escaped = byte === 0x25
    out.writeUInt8(escaped ? Number.parseInt(bytes.toString('latin1', index + 1, index + 3), 16) : byte, length)
    if (escaped) index += 2
    length += 1
  }
  return out.subarray(0, length)
}

/** Encodes parameters as a form or query, in utf-8. Hand-written: URLSearchParams takes three times as long. */
export function encodeForm(parameters: Parameters): string {
  let joined = ''
  for (const [name, value] of parameters)
    joined += `${joined === '' ? '' : '&'}${encodePart(name)}=${encodePart(value)}`
  return joined
}

const encodePart = (text: string): string => (/^[\w.-]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed()))
