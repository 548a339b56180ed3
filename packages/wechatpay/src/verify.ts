/**
 * WeChat's signature on answers and notifications (WeChat Pay, "Verifying a signature"): over time, nonce and the raw
 * body. WeChat occasionally sends a wrong signature on purpose (`WECHATPAY/SIGNTEST/…`); it is refused like any other.
 */
import { readBase64, verifyText } from '@xuecheng/client-kit'
import type { KeyRing } from './key-ring.ts'
import { lines, SIGNATURE_TYPE, withoutBuyers } from './sign.ts'

/** Headers as Node or as `fetch` provides them. */
export type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

export type SignatureProblem =
  | 'MISSING_SIGNATURE'
  | 'SIGNATURE_TYPE_MISMATCH'
  | 'TIMESTAMP_OUT_OF_WINDOW'
  | 'UNKNOWN_SERIAL'
  | 'SIGNATURE_MISMATCH'

export interface BadSignature {
  readonly code: SignatureProblem
  readonly message: string
  /** The text that the signature was checked against; only when it did not match. */
  readonly signed?: string
}

/** Rejects replays: a message must be signed within five minutes of now. */
const WINDOW_MS = 5 * 60_000

/** Undefined when the signature is WeChat's and fresh. Never throws for bad input. */
export async function checkSignature(
  body: Buffer,
  headers: HeadersLike,
  keys: Pick<KeyRing, 'find'>,
  now: Date,
): Promise<BadSignature | undefined> {
  const header = (name: string) => headerOf(headers, `wechatpay-${name}`)
  const [signature, serial, timestamp, nonce] = [
    header('signature'),
    header('serial'),
    header('timestamp'),
    header('nonce'),
  ]
  if (!signature || !serial || !timestamp || !nonce)
    return { code: 'MISSING_SIGNATURE', message: 'It is not signed: one of the four Wechatpay headers is missing.' }
  if ((header('signature-type') ?? SIGNATURE_TYPE) !== SIGNATURE_TYPE)
    return { code: 'SIGNATURE_TYPE_MISMATCH', message: `It is not signed with ${SIGNATURE_TYPE}.` }
  const away = now.getTime() - Number(timestamp) * 1000
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(away) >= WINDOW_MS) {
    return {
      code: 'TIMESTAMP_OUT_OF_WINDOW',
      message: `It was signed at ${timestamp.slice(0, 20)}, five minutes or more away from this machine's clock.`,
    }
  }
  const key = await keys.find(serial)
  if (!key)
    return {
      code: 'UNKNOWN_SERIAL',
      message: `It is signed with ${serial.slice(0, 64)}, which is not a configured key of WeChat's.`,
    }
  const signed = Buffer.concat([Buffer.from(lines(timestamp, nonce)), body, Buffer.from('\n')])
  const bytes = readBase64(signature)
  if (bytes && (await verifyText(signed, bytes, key, 'RSA-SHA256'))) return undefined
  return {
    code: 'SIGNATURE_MISMATCH',
    message: `The signature does not match WeChat's key ${serial.slice(0, 64)}: it was made with another key, or not over these bytes.`,
    signed: withoutBuyers(signed.toString('utf8')),
  }
}

/** By a lower-case name; undefined for a duplicate header. */
export function headerOf(headers: HeadersLike, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined
  const found = Object.entries(headers).filter(([each]) => each.toLowerCase() === name)
  const value = found.length === 1 ? found[0]?.[1] : undefined
  return typeof value === 'string' ? value : undefined
}
