/** A sandbox, WeChat Pay merchants, and a shop that only listens. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { call } from '../rig.ts'

export const data = mkdtempSync(join(tmpdir(), 'sandbox-'))

export let sandbox: Awaited<ReturnType<typeof startSandbox>>

export let shop: Awaited<ReturnType<typeof listen>>

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  shop = await listen()
})

afterEach(() => {
  delete shop.answers.verify
  return call(sandbox.url, 'DELETE', '/faults')
})

afterAll(async () => {
  await sandbox.close()
  await shop.close()
  rmSync(data, { recursive: true })
})

interface Sent {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A shop that keeps its notifications and answers with a fixed status, or with what `verify` decides. */
async function listen() {
  const received: Sent[] = []
  const answers: { status: number; verify?: (sent: Sent) => Promise<boolean> } = { status: 204 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const sent = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') }
      received.push(sent)
      const status = answers.verify ? ((await answers.verify(sent)) ? 204 : 401) : answers.status
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections())
  return { url, received, answers, close }
}

export interface Merchant {
  readonly mchId: string
  readonly appId: string
  readonly serialNo: string
  readonly privateKey: string
  readonly apiV3Key: string
  readonly publicKeyId: string
  readonly publicKey: string
}

export let count = 0

export async function newMerchant(keyMode: 'public-key' | 'certificate' = 'public-key'): Promise<Merchant> {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const mchId = String(1_900_000_100 + ++count)
  const own = {
    appId: `wx${randomBytes(8).toString('hex')}`,
    serialNo: randomBytes(20).toString('hex').toUpperCase(),
    apiV3Key: randomBytes(16).toString('hex'),
  }
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const rules = { feeRate: 60, refundSeconds: 1 }
  const made = await call<{ publicKeyId: string; publicKey: string }>(
    sandbox.url,
    'PUT',
    `/wechat/merchants/${mchId}`,
    { ...own, publicKey, keyMode, rules },
  )
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { mchId, ...own, privateKey, publicKeyId: made.publicKeyId, publicKey: made.publicKey }
}

export const newNo = (): string => `T${randomUUID().replaceAll('-', '').slice(0, 24)}`

export const scan = (link: string) => call<{ transactionId: string }>(sandbox.url, 'POST', '/wechat/pay', { link })
