/** Time-based one-time codes (RFC 6238) as authenticator applications use them: SHA-1, six digits, 30 seconds. */
import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'

const PERIOD_SECONDS = 30
const SECRET_BYTES = 20
/** A phone's clock may be one step fast or slow. */
const WINDOW = 1

const totpOf = (secret: string, label = '', issuer = '') =>
  new TOTP({
    secret: Secret.fromBase32(secret),
    algorithm: 'SHA1',
    digits: 6,
    period: PERIOD_SECONDS,
    label,
    issuer,
  })

/** A new shared secret, in base32 for typing. */
export const newSecret = (): string => Secret.fromHex(randomBytes(SECRET_BYTES).toString('hex')).base32

/** The content of the QR code: `otpauth://totp/…`. */
export const uriOf = (secret: string, of: { username: string; issuer: string }): string =>
  totpOf(secret, of.username, of.issuer).toString()

/** The step (30-second intervals since 1970) of a code; undefined for a wrong code. */
export function stepOf(secret: string, code: string, now: Date): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined
  const delta = totpOf(secret).validate({ token: code, timestamp: now.getTime(), window: WINDOW })
  return delta === null ? undefined : Math.floor(now.getTime() / 1000 / PERIOD_SECONDS) + delta
}
