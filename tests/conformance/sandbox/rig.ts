/** What the sandbox's conformance tests share: a sandbox of their own, a merchant with the official SDK, a shop that only listens. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AlipaySdk } from 'alipay-sdk'
import { expect } from 'vitest'

export interface Shop {
  readonly url: string
  /** Bodies received so far, in order. */
  readonly received: string[]
  /** What it answers; status 200 and `success` at first. */
  answer: { status: number; body: string; headers?: Record<string, string> }
  /** Resolves once at least `count` bodies have come. */
  got(count: number): Promise<void>
  close(): Promise<void>
}

/** A shop's notify address that keeps what it gets. */
export async function listen(): Promise<Shop> {
  const received: string[] = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push(Buffer.concat(chunks).toString('latin1'))
      response.writeHead(shop.answer.status, { 'content-type': 'text/plain', ...shop.answer.headers })
      response.end(shop.answer.body)
      for (const check of waiting) check()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const shop: Shop = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    received,
    answer: { status: 200, body: 'success' },
    got: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (received.length < count) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return shop
}

export interface Json {
  readonly [name: string]: unknown
}

/** Calls the sandbox's JSON interface; throws unless it answers 2xx, or the expected status. */
export async function call<T = Json>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  expected?: number,
): Promise<T> {
  const response = await fetch(`${url}/sandbox/api${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (expected === undefined ? !response.ok : response.status !== expected) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`)
  }
  return (text === '' ? undefined : JSON.parse(text)) as T
}

export interface TestMerchant {
  readonly appId: string
  readonly sellerId: string
  readonly alipayPublicKey: string
  readonly appPrivateKey: string
}

/** A new merchant and the official SDK set up for it; the SDK is unchanged except for its gateway. */
export async function merchantWithSdk(url: string): Promise<{ merchant: TestMerchant; sdk: AlipaySdk }> {
  const merchant = await call<TestMerchant>(url, 'POST', '/merchants', {})
  const sdk = new AlipaySdk({
    appId: merchant.appId,
    privateKey: merchant.appPrivateKey,
    keyType: 'PKCS8',
    alipayPublicKey: merchant.alipayPublicKey,
    gateway: `${url}/gateway.do`,
  })
  return { merchant, sdk }
}

/** The parameters of a notification or return, by name. */
export function fieldsOf(form: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(form))
}

/** Polls until the expectation holds; patient, since the machine may be busy. */
export function eventually<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 30_000, interval: 30 })
}
