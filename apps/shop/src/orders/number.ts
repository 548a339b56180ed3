/** Order, attempt and refund numbers: 32 hexadecimal characters. */
import { createHash, randomBytes } from 'node:crypto'

/** Whether it has the form of our numbers. Another system's number hardly has it, except another shop's of this kind. */
export const isOurNumber = (number: string): boolean => /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(number)

/** A number for what a person does: ordered by time (a UUIDv7 without its hyphens), not guessable. */
export function newNumber(now: Date): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now.getTime(), 0, 6)
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  return bytes.toString('hex')
}

/**
 * A number for what the shop does by itself, made from its cause: a database restored from yesterday does the same thing
 * again, under the same number, which its gateway then does not do twice. Row ids are no cause: a restored database gives
 * them to other rows.
 */
export const numberFromCause = (...cause: readonly [string, ...string[]]): string =>
  createHash('sha256').update(JSON.stringify(cause)).digest('hex').slice(0, 32)
