/** What counts as one sender when only its address is known. */
import { isIPv6 } from 'node:net'

/** An IPv6 subscriber has 2^64 addresses, so its /64 network is counted instead of the single address. */
export function lineOf(address: string): string {
  if (!isIPv6(address)) return address
  const words = wordsOf(address)
  // IPv4-mapped addresses, and those of a translator in front of the server (RFC 6052).
  const carriesV4 = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'].includes(written(words.slice(0, 6)))
  if (carriesV4)
    return words
      .slice(6)
      .flatMap((word) => [word >> 8, word & 255])
      .join('.')
  return `${written(words.slice(0, 4))}::/64`
}

const written = (words: readonly number[]): string => words.map((word) => word.toString(16)).join(':')

/** The eight words of an IPv6 address; the last two may be written as an IPv4 address. */
function wordsOf(address: string): number[] {
  const [bare = ''] = address.split('%')
  const [head = [], tail] = bare.split('::').map((part) => part.split(':').filter(Boolean).flatMap(wordsIn))
  const zeros = tail ? 8 - head.length - tail.length : 0
  return [...head, ...Array.from({ length: zeros }, () => 0), ...(tail ?? [])]
}

function wordsIn(part: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
  return part.includes('.') ? [a * 256 + b, c * 256 + d] : [Number.parseInt(part, 16)]
}
