/** One-time recovery codes for a lost phone. They have 80 bits each, so a plain hash is safe to store. */
import { createHash, randomBytes } from 'node:crypto'
import { Secret } from 'otpauth'

const CODES = 10
const CODE_BYTES = 10

/** Ten new codes in the form in which they are shown: `ABCD-EFGH-IJKL-MNOP`. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: CODES }, () => {
    const { base32 } = Secret.fromHex(randomBytes(CODE_BYTES).toString('hex'))
    return base32.replace(/(.{4})(?=.)/g, '$1-')
  })

/** The stored hash of a code; the same for every way of typing it. */
export function hashRecoveryCode(userId: number, code: string): string {
  const letters = code
    .toUpperCase()
    .replaceAll('0', 'O')
    .replaceAll('1', 'I')
    .replaceAll('8', 'B')
    .replace(/[^A-Z2-7]/g, '')
  return createHash('sha256').update(`${userId}:${letters}`).digest('hex')
}
