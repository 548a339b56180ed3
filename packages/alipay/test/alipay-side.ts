/** Alipay's side of the signature, for tests: written independently of the client, on bare node:crypto. */
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { encodeGbk } from './gbk.ts'

export interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export const newPair = (bits = 2048): Pair => generateKeyPairSync('rsa', { modulusLength: bits })

export interface SignForm {
  readonly algorithm?: 'RSA-SHA256' | 'RSA-SHA1'
  readonly charset?: 'utf-8' | 'gbk'
}

/** A form body as Alipay sends it: sorted, joined, signed without sign and sign_type, then percent-encoded. */
export function signedForm(
  parameters: Readonly<Record<string, string>>,
  key: KeyObject,
  { algorithm = 'RSA-SHA256', charset = 'utf-8' }: SignForm = {},
): string {
  const encode = charset === 'gbk' ? encodeGbk : (text: string) => Buffer.from(text, 'utf8')
  const content = Object.keys(parameters)
    .filter((name) => name !== 'sign_type' && name !== 'sign')
    .sort()
    .map((name) => `${name}=${parameters[name]}`)
    .join('&')
  const sign = createSign(algorithm).update(encode(content)).sign(key, 'base64')
  return formOf({ ...parameters, sign }, encode)
}

export function formOf(
  parameters: Readonly<Record<string, string>>,
  encode: (text: string) => Buffer = (text) => Buffer.from(text, 'utf8'),
): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${percent(encode(name))}=${percent(encode(value))}`)
    .join('&')
}

const percent = (bytes: Buffer): string =>
  [...bytes]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[A-Za-z0-9_.-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')

/** An answer body: the node's text exactly as given, and its signature. */
export function signedAnswer(method: string, node: string, key: KeyObject, encode = Buffer.from): Buffer {
  const sign = createSign('RSA-SHA256').update(encode(node)).sign(key, 'base64')
  return encode(`{"${method.replaceAll('.', '_')}_response":${node},"sign":"${sign}"}`)
}

/** A payment notification's parameters, with everything the client requires. */
export const payment = (changes: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  notify_time: '2026-11-23 10:00:00',
  notify_type: 'trade_status_sync',
  notify_id: '2026112300222100000000000000000001',
  charset: 'utf-8',
  version: '1.0',
  sign_type: 'RSA2',
  app_id: '2021000120612450',
  auth_app_id: '2021000120612450',
  trade_no: '2026112322001400000000000001',
  out_trade_no: 'N1',
  seller_id: '2088621959339670',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '39.00',
  subject: '课程 TypeScript + 100%',
  gmt_payment: '2026-11-23 09:59:58',
  ...changes,
})
