/** Finds the raw bytes of one member of a JSON object: Alipay signs the bytes, not a parser's result. */
import type { Charset } from './form.ts'

/**
 * The raw bytes of the value of `name` in the outermost object. Looks only at that level, so that a member of the same
 * name inside another value is never mistaken for it; undefined if that level has the name twice.
 * @param json the bytes of a valid JSON object in that charset
 */
export function memberRange(json: Buffer, charset: Charset, name: string): Buffer | undefined {
  const text = charset === 'gbk' ? asciiOutline(json) : json.toString('latin1') // one character per byte
  let found: Buffer | undefined
  let index = skipSpace(text, text.indexOf('{') + 1)
  while (index < text.length && text[index] !== '}') {
    const keyEnd = valueEnd(text, index)
    const key: unknown = JSON.parse(text.slice(index, keyEnd))
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = valueEnd(text, start)
    if (key === name) {
      if (found) return undefined
      found = json.subarray(start, end)
    }
    index = skipSpace(text, end)
    if (text[index] === ',') index = skipSpace(text, index + 1)
  }
  return found
}

/** GBK's second bytes can look like ASCII (`\`, `{`, `}`): replaces every byte of a non-ASCII character with 0x80. */
function asciiOutline(gbk: Buffer): string {
  const outline = Buffer.from(gbk)
  for (let index = 0; index < gbk.length; index += 1) {
    if (gbk.readUInt8(index) <= 0x80) continue
    const second = gbk[index + 1] ?? 0
    const length = second >= 0x30 && second <= 0x39 ? 4 : 2 // GB18030's long form has a digit as its second byte
    outline.fill(0x80, index, index + length)
    index += length - 1
  }
  return outline.toString('latin1')
}

function skipSpace(json: string, from: number): number {
  let index = from
  while (isSpace(json[index])) index += 1
  return index
}

const isSpace = (character: string | undefined): boolean =>
  character === ' ' || character === '\t' || character === '\r' || character === '\n'

/** The end of the value that starts at `from`. */
function valueEnd(json: string, from: number): number {
  let depth = 0
  for (let index = from; index < json.length; index += 1) {
    const character = json[index]
    if (character === '"') {
      index = stringEnd(json, index)
      if (depth === 0) return index + 1
    } else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      if (depth === 0) return index
      depth -= 1
      if (depth === 0) return index + 1
    } else if (depth === 0 && (character === ',' || character === ':' || isSpace(character))) return index
  }
  return json.length
}

/** The index of the closing quote of the string that starts at `from`. */
function stringEnd(json: string, from: number): number {
  let index = from + 1
  while (index < json.length && json[index] !== '"') index += json[index] === '\\' ? 2 : 1
  return index
}
