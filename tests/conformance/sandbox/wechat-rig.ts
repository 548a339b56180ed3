/** What the sandbox's WeChat Pay tests share: a merchant with another client, calls signed by hand, a shop that only listens. */
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Aes, Formatter, Rsa, Wechatpay } from 'wechatpay-axios-plugin'
import { call, type Json } from './rig.ts'

export const API_V3_KEY = 'sandbox-0123456789-ABCDEFGHIJKLM'

export interface WechatMerchant {
  readonly mchId: string
  readonly appId: string
  readonly serialNo: string
  readonly privateKey: string
  /** PEM of what the merchant may verify with, by the serial that names it. */
  readonly keys: Record<string, string>
  readonly publicKeyId: string
}

let merchants = 0

/** A new merchant; its keys are those of the WeChat Pay public key, whatever its mode. */
export async function wechatMerchant(url: string, settings: Json = {}): Promise<WechatMerchant> {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const mchId = String(1900000100 + merchants++)
  const known = { appId: `wx00000000000${mchId.slice(-5)}`, serialNo: randomBytes(20).toString('hex').toUpperCase() }
  const made = await call<{ publicKeyId: string; publicKey: string }>(url, 'PUT', `/wechat/merchants/${mchId}`, {
    ...known,
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    apiV3Key: API_V3_KEY,
    ...settings,
  })
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const keys = { [made.publicKeyId]: Rsa.fromSpki(made.publicKey).export({ type: 'spki', format: 'pem' }).toString() }
  return { mchId, ...known, privateKey, keys, publicKeyId: made.publicKeyId }
}

/** The other client, unchanged except for its base address. */
export function otherClient(url: string, merchant: WechatMerchant, keys = merchant.keys): Wechatpay {
  const { mchId: mchid, serialNo: serial, privateKey } = merchant
  return new Wechatpay({ mchid, serial, privateKey, certs: { ...keys }, baseURL: url })
}

/** The required fields of a native order. */
export const orderOf = ({ mchId, appId }: WechatMerchant, number: string, notify: string, change: Json = {}): Json => ({
  appid: appId,
  mchid: mchId,
  description: '课程',
  out_trade_no: number,
  notify_url: notify,
  amount: { total: 3900, currency: 'CNY' },
  ...change,
})

export interface HandCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** Header values instead of the right ones; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Parts of Authorization instead of the right ones. */
  readonly authorization?: Readonly<Record<string, string>>
}

export interface HandAnswer {
  readonly status: number
  readonly signed: boolean
  readonly text: string
  readonly requestId: string | undefined
  readonly json: { readonly code?: string; readonly message?: string } & Json
}

/** A call signed by hand, which can be wrong in one place. */
export async function sendByHand(url: string, merchant: WechatMerchant, hand: HandCall): Promise<HandAnswer> {
  const body = hand.body === undefined ? '' : typeof hand.body === 'string' ? hand.body : JSON.stringify(hand.body)
  const timestamp = String(Math.floor(Date.now() / 1000))
  const nonce = randomBytes(16).toString('hex')
  const { timestamp: at = timestamp } = hand.authorization ?? {}
  const text = `${hand.method}\n${hand.path}\n${at}\n${nonce}\n${body}\n`
  const parts = {
    mchid: merchant.mchId,
    nonce_str: nonce,
    signature: createSign('RSA-SHA256').update(text).sign(merchant.privateKey, 'base64'),
    timestamp,
    serial_no: merchant.serialNo,
    ...hand.authorization,
  }
  const values = Object.entries(parts).map(([name, value]) => `${name}="${value}"`)
  const headers = {
    accept: 'application/json',
    'user-agent': 'by hand',
    authorization: `WECHATPAY2-SHA256-RSA2048 ${values.join(',')}`,
    ...(body !== '' && { 'content-type': 'application/json' }),
    ...hand.headers,
  }
  const response = await fetch(`${url}${hand.path}`, {
    method: hand.method,
    headers: Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ...(body !== '' && { body }),
  })
  const said = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const signed = response.headers.has('wechatpay-signature')
  const requestId = response.headers.get('request-id') ?? undefined
  return { status: response.status, signed, text: said, requestId, json: isJson && said !== '' ? JSON.parse(said) : {} }
}

export interface Notified {
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

export interface WechatShop {
  readonly url: string
  readonly received: Notified[]
  /** The status it answers next; 204 at first. */
  status: number
  close(): Promise<void>
}

/** A notify address that keeps what it receives, with the headers. */
export async function listenForWechat(): Promise<WechatShop> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      shop.received.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
      response.writeHead(shop.status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const shop: WechatShop = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    received: [],
    status: 204,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return shop
}

/** Whether the other client's tools verify a notification. */
export function believes({ headers, body }: Notified, keys: Readonly<Record<string, string>>): boolean {
  const text = (name: string) => String(headers[name])
  const key = keys[text('wechatpay-serial')]
  if (key === undefined) return false
  const message = Formatter.response(text('wechatpay-timestamp'), text('wechatpay-nonce'), body)
  return Rsa.verify(message, text('wechatpay-signature'), key)
}

/** A notification's content, decrypted by the other client's tools. */
export function opened({ body }: Notified): { readonly event: string; readonly said: Json } {
  const { event_type: event, resource } = JSON.parse(body) as {
    event_type: string
    resource: { ciphertext: string; nonce: string; associated_data: string }
  }
  const { ciphertext, nonce, associated_data: associated } = resource
  return { event, said: JSON.parse(Aes.AesGcm.decrypt(ciphertext, API_V3_KEY, nonce, associated)) as Json }
}
