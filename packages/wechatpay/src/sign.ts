/**
 * The signed text and the header that carries it (WeChat Pay, "Signing a request"): SHA-256 with RSA, on the thread
 * pool.
 */
import type { KeyObject } from 'node:crypto'
import { signText } from '@xuecheng/client-kit'

export const SIGNATURE_TYPE = 'WECHATPAY2-SHA256-RSA2048'

export interface Signer {
  readonly mchId: string
  /** Of the merchant's API certificate. */
  readonly serialNo: string
  readonly privateKey: KeyObject
  readonly clock: () => Date
  readonly nonce: () => string
}

/** Every line ends with a line feed, including the last one. */
export const lines = (...each: readonly string[]): string => each.map((line) => `${line}\n`).join('')

/** Unix seconds, as text. */
export const seconds = (at: Date): string => String(Math.floor(at.getTime() / 1000))

export interface Signed {
  /** The value of `Authorization`. */
  readonly authorization: string
  /** What was signed. */
  readonly text: string
}

/**
 * @param target path and query exactly as they are sent
 * @param body the exact bytes that are sent; empty if there are none
 */
export async function signRequest(signer: Signer, method: string, target: string, body: string): Promise<Signed> {
  const { mchId, serialNo, privateKey } = signer
  const [timestamp, nonce] = [seconds(signer.clock()), signer.nonce()]
  const text = lines(method, target, timestamp, nonce, body)
  const signature = await signText(text, privateKey, 'RSA-SHA256')
  const parameters = { mchid: mchId, nonce_str: nonce, signature, timestamp, serial_no: serialNo }
  const written = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return { authorization: `${SIGNATURE_TYPE} ${written.join(',')}`, text }
}

/** A signed text without the buyer's openid, for use in errors, which end up in logs. */
export const withoutBuyers = (text: string): string => text.replace(/(openid"\s*:\s*")[^"]*/g, '$1***')
