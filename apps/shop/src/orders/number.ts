/** Order and attempt numbers: 32 hexadecimal characters, ordered by time (a UUIDv7 without its hyphens), not guessable. */
import { randomBytes } from 'node:crypto'

export function newNumber(now: Date): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now.getTime(), 0, 6)
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  return bytes.toString('hex')
}
