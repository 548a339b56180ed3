/** A sandbox process of its own, a merchant there, our client for it, and an address that keeps its notifications. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Alipay, type AlipayOptions, createAlipay, generateKeys } from '@xuecheng/alipay'

const MAIN = fileURLToPath(new URL('../../../packages/sandbox/src/main.ts', import.meta.url))

export interface SandboxProcess {
  readonly url: string
  stop(): Promise<void>
}

/** Starts the sandbox as a separate program: none of its code is loaded here. */
export async function startSandboxProcess(): Promise<SandboxProcess> {
  const data = mkdtempSync(join(tmpdir(), 'alipay-client-'))
  const child: ChildProcess = fork(MAIN, ['--port', '0', '--data', data], {
    execArgv: ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
      rmSync(data, { recursive: true, force: true })
    },
  }
}

export interface Merchant {
  readonly appId: string
  readonly sellerId: string
  readonly alipayPublicKey: string
  readonly aesKey: string
  readonly gateway: string
  readonly certificates?: {
    readonly appCert: string
    readonly alipayCert: string
    readonly rootCert: string
    readonly appCertSn: string
    readonly alipayCertSn: string
    readonly rootCertSn: string
  }
}

/** Calls the sandbox's own interface. @throws Error unless it answers 2xx */
export async function call<Answer>(url: string, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${url}/sandbox/api${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text || 'null') as Answer
}

export interface Opened {
  readonly merchant: Merchant
  readonly client: Alipay
  /** Another client of the same merchant. */
  another(options: Partial<AlipayOptions>): Alipay
}

/** A merchant with keys made here; in certificate mode the sandbox certifies them. */
export async function openMerchant(url: string, keyMode: 'key' | 'cert'): Promise<Opened> {
  const keys = await generateKeys()
  const body = { name: '学城', keyMode, appPublicKey: keys.publicKeyBase64 }
  const merchant = await call<Merchant>(url, 'POST', '/merchants', body)
  const { certificates } = merchant
  const another = (options: Partial<AlipayOptions>) =>
    createAlipay({
      appId: merchant.appId,
      privateKey: keys.privateKey,
      ...(certificates && keyMode === 'cert' ? { certificates } : { alipayPublicKey: merchant.alipayPublicKey }),
      gateway: merchant.gateway,
      timeoutMs: 8000,
      ...options,
    })
  return { merchant, client: another({}), another }
}

export interface Notified {
  readonly url: string
  /** The next notification that has not been read yet. */
  next(): Promise<{ readonly body: Buffer; readonly contentType: string | undefined }>
  close(): Promise<void>
}

/** Answers every request with `success`, and keeps it. */
export async function startNotifyAddress(): Promise<Notified> {
  const kept: { body: Buffer; contentType: string | undefined }[] = []
  let arrived = () => {}
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    kept.push({ body: Buffer.concat(chunks), contentType: request.headers['content-type'] })
    response.end('success')
    arrived()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    async next() {
      for (;;) {
        const first = kept.shift()
        if (first) return first
        await new Promise<void>((resolve) => {
          arrived = resolve
        })
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
