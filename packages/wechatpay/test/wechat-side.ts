/** WeChat's side, for tests: written independently of the client, on bare node:crypto and node:http. */
import { createCipheriv, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { createWechatPay, type WechatPay, type WechatPayOptions } from '../src/client.ts'

export const newPair = (bits = 2048) => generateKeyPairSync('rsa', { modulusLength: bits })

export const MCH_ID = '1900000001'
export const APP_ID = 'wx0000000000000001'
export const SERIAL_NO = '5A'.repeat(20)
export const API_V3_KEY = '0123456789abcdef0123456789ABCDEF'
export const PUBLIC_KEY_ID = 'PUB_KEY_ID_0119000000012026010100000000000001'
export const NOW = new Date('2026-01-01T12:00:00+08:00')

export const merchant = newPair()
export const wechat = newPair()

export interface SignOptions {
  readonly key?: KeyObject
  readonly serial?: string
  readonly at?: Date
}

/** The headers that WeChat signs a body with. */
export function signatureOf(body: string | Buffer, options: SignOptions = {}): Record<string, string> {
  const { key = wechat.privateKey, serial = PUBLIC_KEY_ID, at = NOW } = options
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const nonce = randomBytes(16).toString('hex')
  const signature = createSign('RSA-SHA256').update(`${timestamp}\n${nonce}\n`).update(body).update('\n')
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-serial': serial,
    'wechatpay-signature': signature.sign(key, 'base64'),
    'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
  }
}

export function encrypt(plain: string, associatedData: string, key = API_V3_KEY) {
  const nonce = randomBytes(6).toString('hex')
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(associatedData))
  const bytes = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return {
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: bytes.toString('base64'),
    associated_data: associatedData,
    nonce,
  }
}

/** An encrypted notification's body. */
export function notificationBody(eventType: string, values: object, changes: object = {}): string {
  const kind = eventType.startsWith('REFUND') ? 'refund' : 'transaction'
  const resource = { original_type: kind, ...encrypt(JSON.stringify(values), kind) }
  return JSON.stringify({
    id: '7c2f4a10-1b2c-5d3e-8f40-a1b2c3d4e5f6',
    create_time: '2026-01-01T12:00:01+08:00',
    resource_type: 'encrypt-resource',
    event_type: eventType,
    summary: '支付成功',
    resource,
    ...changes,
  })
}

export const payment = (changes: object = {}): Record<string, unknown> => ({
  mchid: MCH_ID,
  appid: APP_ID,
  out_trade_no: 'ORD20260101000001',
  transaction_id: '4200002300202601011234567890',
  trade_type: 'NATIVE',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  bank_type: 'OTHERS',
  attach: '',
  success_time: '2026-01-01T12:05:30+08:00',
  payer: { openid: 'oSimUser000000000000000000001' },
  amount: { total: 19900, payer_total: 19900, currency: 'CNY', payer_currency: 'CNY' },
  ...changes,
})

export const refundAnswer = (changes: object = {}): Record<string, unknown> => ({
  refund_id: '50303400132026010212345678901',
  out_refund_no: 'RFD20260102000001',
  out_trade_no: 'ORD20260101000001',
  transaction_id: '4200002300202601011234567890',
  channel: 'ORIGINAL',
  user_received_account: '支付用户零钱',
  create_time: '2026-01-02T09:00:00+08:00',
  status: 'PROCESSING',
  funds_account: 'AVAILABLE',
  amount: { total: 19900, refund: 5000, payer_total: 19900, payer_refund: 5000, from: [], currency: 'CNY' },
  promotion_detail: [],
  ...changes,
})

export interface Received {
  readonly method: string
  /** Path and query as received. */
  readonly target: string
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

export interface Server {
  readonly url: string
  readonly received: readonly Received[]
}

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

/** A small server in place of WeChat, which answers as the test says; closed automatically after each test. */
export async function startServer(answer: (response: ServerResponse, request: Received) => unknown): Promise<Server> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { method = '', url: target = '', headers } = request
    const each = { method, target, body: Buffer.concat(chunks).toString(), headers }
    received.push(each)
    await answer(response, each)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** Answers with a body and headers that WeChat would sign. */
export function signed(response: ServerResponse, status: number, values: object | undefined, options?: SignOptions) {
  const body = values === undefined ? '' : JSON.stringify(values)
  response.writeHead(status, {
    ...signatureOf(body, options),
    'request-id': '08ABC-0',
    ...(body ? { 'content-type': 'application/json; charset=utf-8' } : {}),
  })
  response.end(body)
}

/** An error answer; most of WeChat's are unsigned. */
export function refused(response: ServerResponse, status: number, code: string, message = '') {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': '08ABC-268435461' })
  response.end(JSON.stringify({ code, message }))
}

export const newClient = (baseUrl: string, options: Partial<WechatPayOptions> = {}): WechatPay =>
  createWechatPay({
    mchId: MCH_ID,
    appId: APP_ID,
    serialNo: SERIAL_NO,
    privateKey: merchant.privateKey,
    apiV3Key: API_V3_KEY,
    publicKey: wechat.publicKey,
    publicKeyId: PUBLIC_KEY_ID,
    baseUrl,
    clock: () => NOW,
    ...options,
  })

/** The error that a call threw. */
export async function thrown(act: () => unknown): Promise<Error> {
  try {
    await act()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('expected an error')
}
