/** Reads a call to gateway.do into its parameters: URL query and body together, in the charset the query names. */
import { type Charset, charsetNamed, decode, parseForm } from '../../core/charset.ts'
import { multipartFields } from './multipart.ts'

export interface Parameters {
  /** Every parameter once, decoded; of duplicates the first one counts, the query's before the body's. */
  readonly pairs: readonly (readonly [name: string, value: string])[]
  get(name: string): string
  /** The charset for decoding and for the answer; GBK unless the URL query says otherwise. */
  readonly charset: Charset
  /** `charset` as notifications and returns will echo it: the query's spelling, or GBK. */
  readonly charsetEcho: string
  /** False if the query names an unknown charset. */
  readonly charsetKnown: boolean
}

/** `query` is the raw text after the `?`; the body is read by `contentType`: form-urlencoded unless it is multipart. */
export function readParameters(query: string, body: Buffer, contentType: string): Parameters {
  const raw = Buffer.from(query, 'latin1')
  const named = parseForm(raw, 'utf-8').find(([name]) => name === 'charset')?.[1] ?? ''
  const known = named === '' ? 'gbk' : charsetNamed(named)
  const charset = known ?? 'utf-8'
  const values = new Map<string, string>()
  for (const [name, value] of [...parseForm(raw, charset), ...readBody(body, contentType, charset)]) {
    if (!values.has(name)) values.set(name, value)
  }
  return {
    pairs: [...values],
    get: (name) => values.get(name) ?? '',
    charset,
    charsetEcho: known === undefined || named === '' ? 'GBK' : named,
    charsetKnown: known !== undefined,
  }
}

function readBody(body: Buffer, contentType: string, charset: Charset): [string, string][] {
  if (body.length === 0) return []
  const boundary = /^multipart\/form-data\b.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  if (boundary) return multipartFields(body, boundary[1] ?? boundary[2] ?? '', (bytes) => decode(bytes, charset))
  return parseForm(body, charset)
}
