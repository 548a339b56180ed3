/**
 * Signatures and encryption of API v3 (WeChat Pay, "Request signature", "Response and notification signature",
 * "AEAD_AES_256_GCM"), implemented independently: no code is shared with the client packages.
 */
import { createCipheriv, type KeyObject, randomBytes, sign, verify } from 'node:crypto'

const SCHEME = 'WECHATPAY2-SHA256-RSA2048'

export interface Authorization {
  readonly mchId: string
  readonly nonce: string
  readonly signature: string
  readonly timestamp: string
  readonly serialNo: string
}

/** Reads an Authorization header; undefined if malformed. Parameters may come in any order. */
export function readAuthorization(header: string | undefined): Authorization | undefined {
  if (!header?.startsWith(`${SCHEME} `)) return undefined
  const found = new Map([...header.slice(SCHEME.length + 1).matchAll(/(\w+)="([^"]*)"/g)].map(([, n, v]) => [n, v]))
  const [mchId, nonce, signature, timestamp, serialNo] = [
    'mchid',
    'nonce_str',
    'signature',
    'timestamp',
    'serial_no',
  ].map((name) => found.get(name))
  if (!mchId || !nonce || !signature || !timestamp || !serialNo) return undefined
  return { mchId, nonce, signature, timestamp, serialNo }
}

export interface SignedRequest {
  readonly method: string
  /** Path and query as they were sent. */
  readonly url: string
  readonly body: Buffer
}

/** The text that the merchant must have signed: five lines over the raw bytes, each with a line feed. */
export function requestText({ nonce, timestamp }: Authorization, { method, url, body }: SignedRequest): Buffer {
  return Buffer.concat([Buffer.from(`${method}\n${url}\n${timestamp}\n${nonce}\n`), body, Buffer.from('\n')])
}

/** Whether the request was signed by the merchant, over its raw bytes. */
export function isSignedBy(key: KeyObject, authorization: Authorization, request: SignedRequest): boolean {
  const { signature } = authorization
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(signature)) return false
  return verify('sha256', requestText(authorization, request), key, Buffer.from(signature, 'base64'))
}

export interface PayCall {
  readonly appId: string
  readonly timeStamp: string
  readonly nonceStr: string
  readonly package: string
  readonly paySign: string
}

/** Whether the merchant signed the parameters passed to WeixinJSBridge (WeChat Pay, "JSAPI pay signature"). */
export function isPaySigned(key: KeyObject, call: PayCall): boolean {
  const text = `${call.appId}\n${call.timeStamp}\n${call.nonceStr}\n${call.package}\n`
  return verify('sha256', Buffer.from(text), key, Buffer.from(call.paySign, 'base64'))
}

/** The headers that prove that bytes come from WeChat, for an answer or a notification; `at` is real time. */
export function signedHeaders(
  key: KeyObject,
  serial: string,
  at: number,
  body: Buffer,
): Promise<Readonly<Record<string, string>>> {
  const timestamp = String(Math.floor(at / 1000))
  const nonce = randomBytes(16).toString('hex')
  const text = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')])
  return new Promise((resolve, reject) => {
    sign('sha256', text, key, (error, signature) => {
      if (error) return reject(error)
      resolve({
        'Wechatpay-Timestamp': timestamp,
        'Wechatpay-Nonce': nonce,
        'Wechatpay-Serial': serial,
        'Wechatpay-Signature': signature.toString('base64'),
        'Wechatpay-Signature-Type': SCHEME,
      })
    })
  })
}

/** An invalid signature, as in WeChat's own probes. */
export const probeSignature = (): string => `WECHATPAY/SIGNTEST/${randomBytes(237).toString('base64')}`

export interface Encrypted {
  readonly algorithm: 'AEAD_AES_256_GCM'
  readonly ciphertext: string
  readonly associated_data: string
  readonly nonce: string
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Encrypts a text with the merchant's APIv3 key. */
export function encrypt(apiV3Key: string, text: string, associatedData: string): Encrypted {
  const nonce = Array.from(randomBytes(12), (byte) => LETTERS[byte % LETTERS.length]).join('')
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(apiV3Key), Buffer.from(nonce))
  cipher.setAAD(Buffer.from(associatedData))
  const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return {
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: encrypted.toString('base64'),
    associated_data: associatedData,
    nonce,
  }
}

/** JSON with members sorted by name at every level, as WeChat writes it. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  )
}
