/** Finds a member's exact text in a JSON object, and its exact bytes: what was signed is never parsed and written again. */

export interface TextRange {
  readonly start: number
  readonly end: number
}

/**
 * Where a member's value stands in text that is known to be a JSON object. Only the outermost level is looked at, so a
 * member of the same name inside another value is never mistaken for it; a second one at that level gives undefined.
 */
export function memberRange(json: string, name: string): TextRange | undefined {
  let found: TextRange | undefined
  let index = skipSpace(json, json.indexOf('{') + 1)
  while (index < json.length && json[index] !== '}') {
    const keyEnd = valueEnd(json, index)
    const key: unknown = JSON.parse(json.slice(index, keyEnd))
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1)
    const end = valueEnd(json, start)
    if (key === name) {
      if (found) return undefined
      found = { start, end }
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

/** The bytes of a range of the text that GBK bytes were decoded to. GBK's second bytes can look like `{` or `\`, so it walks. */
export function gbkSlice(bytes: Buffer, range: TextRange): Buffer {
  let unit = 0
  let start = bytes.length
  let index = 0
  while (index < bytes.length && unit < range.end) {
    if (unit === range.start) start = index
    const lead = bytes.readUInt8(index)
    const second = index + 1 < bytes.length ? bytes.readUInt8(index + 1) : 0
    const length = lead <= 0x80 ? 1 : second >= 0x30 && second <= 0x39 ? 4 : 2
    unit += length === 4 ? new TextDecoder('gbk').decode(bytes.subarray(index, index + 4)).length : 1
    index += length
  }
  return bytes.subarray(start, index)
}
