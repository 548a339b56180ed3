/**
 * Solves a proof of work. Uses SHA-256 in JavaScript, because browsers offer `crypto.subtle` on https and localhost
 * only.
 */
import { sha256 } from '@noble/hashes/sha2.js'

const STRETCH = 2000

/** @param pause yields to other work between two slices */
export async function solve(
  { salt, challenge, maxnumber }: { salt: string; challenge: string; maxnumber: number },
  pause: () => Promise<void> = async () => {},
): Promise<number> {
  const encoder = new TextEncoder()
  const wanted = Uint8Array.from(challenge.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
  for (let number = 0; number <= maxnumber; number += 1) {
    if (number % STRETCH === STRETCH - 1) await pause()
    const hash = sha256(encoder.encode(salt + number))
    // Compare two bytes first: nearly all hashes differ in them.
    if (hash[0] === wanted[0] && hash[1] === wanted[1] && hash.every((byte, at) => byte === wanted[at])) return number
  }
  throw new Error('no number solves the challenge')
}
