/** Cuts text between the characters that a reader sees, so that no emoji is split and no letter loses its accent. */

const characters = new Intl.Segmenter('zh-CN', { granularity: 'grapheme' })

/**
 * The beginning of a text.
 * @param most the maximum size: UTF-16 units, like `length`, or another measure
 */
export function cutText(text: string, most: number, sizeOf: (part: string) => number = (part) => part.length): string {
  if (sizeOf(text) <= most) return text
  // A single character may exceed the limit, if it consists of many marks. Then cut between two of them.
  return firstParts(segments(text), most, sizeOf) || firstParts(text, most, sizeOf)
}

/** The size in UTF-8. */
export const bytesOf = (text: string): number => Buffer.byteLength(text)

function* segments(text: string): Generator<string> {
  for (const { segment } of characters.segment(text)) yield segment
}

function firstParts(parts: Iterable<string>, most: number, sizeOf: (part: string) => number): string {
  let kept = ''
  let size = 0
  for (const part of parts) {
    size += sizeOf(part)
    if (size > most) break
    kept += part
  }
  return kept
}

/** Unpaired surrogates and NUL are not text: neither the database nor a gateway accepts them. */
export const isText = (text: string): boolean => text.isWellFormed() && !text.includes('\0')
