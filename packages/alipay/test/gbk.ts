/** GBK encoding, for tests that play the other side: Node decodes GBK but does not encode it. */

/** Every two-byte character of GBK, obtained by inverting the decoder. */
const TABLE = new Map<string, readonly [number, number]>()
const decoder = new TextDecoder('gbk', { fatal: true })
for (let first = 0x81; first <= 0xfe; first += 1) {
  for (let second = 0x40; second <= 0xfe; second += 1) {
    try {
      const text = decoder.decode(Buffer.from([first, second]))
      if (text.length === 1 && !TABLE.has(text)) TABLE.set(text, [first, second])
    } catch {}
  }
}

/** @throws Error for characters that GBK lacks */
export function encodeGbk(text: string): Buffer {
  const bytes = [...text].flatMap((character) => {
    const pair = TABLE.get(character)
    if (pair) return [...pair]
    const code = character.charCodeAt(0)
    if (character.length === 1 && code < 0x80) return [code]
    throw new Error(`GBK has no ${character}`)
  })
  return Buffer.from(bytes)
}

export const gbkCharacters: readonly string[] = [...TABLE.keys()]
