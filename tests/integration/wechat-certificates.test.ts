/**
 * The shop as a WeChat Pay merchant of the older kind: no public key, platform certificates that rotate while people buy,
 * listed in advance as WeChat does it, and unlisted. Every order is paid, and every notification accepted in the end.
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as passing } from 'node:timers/promises'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSandboxApi, type SandboxApi } from '../harness/sandbox-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

const MCH_ID = '1900000900'
const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let wechat: Awaited<ReturnType<typeof startSandbox>>
let gateway: SandboxApi
let system: System

beforeAll(async () => {
  wechat = await startSandbox({ data })
  gateway = createSandboxApi(wechat.url)
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const merchant = {
    appId: 'wx0000000000000900',
    serialNo: randomBytes(20).toString('hex').toUpperCase(),
    apiV3Key: randomBytes(16).toString('hex'),
  }
  await gateway.send('PUT', `/wechat/merchants/${MCH_ID}`, {
    ...merchant,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    keyMode: 'certificate',
  })
  system = await startSystem({
    environment: {
      WORKERS: '3',
      SANDBOX: 'on',
      WECHATPAY_BASE_URL: wechat.url,
      WECHATPAY_MCH_ID: MCH_ID,
      WECHATPAY_APP_ID: merchant.appId,
      WECHATPAY_SERIAL_NO: merchant.serialNo,
      WECHATPAY_API_V3_KEY: merchant.apiV3Key,
      WECHATPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    },
  })
})

afterAll(async () => {
  await system?.stop()
  await wechat?.close()
  rmSync(data, { recursive: true })
})

interface Delivery {
  readonly outTradeNo: string
  readonly state: string
}

const deliveries = async (): Promise<Delivery[]> => {
  const all: Delivery[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: Delivery[]; next: string | null } = await gateway.get(
      `/wechat/deliveries${cursor ? `?cursor=${cursor}` : ''}`,
    )
    all.push(...page.items)
    cursor = page.next
  }
  return all
}

const rotate = async (share: number, next = true): Promise<string[]> =>
  (await gateway.send<{ serials: string[] }>('POST', `/wechat/merchants/${MCH_ID}/rotate`, { share, next })).serials

/** Buys like a person: retries when asked to, and gets the same order. */
async function buy(): Promise<string> {
  const buyer = await system.buyer()
  const key = { 'idempotency-key': randomUUID() }
  const body = { courseIds: [1], totalAmount: '39.00', payType: 'wechat' }
  const { body: made } = await until(
    () => buyer.call<{ orderNo: string; codeUrl?: string }>('POST', '/api/orders', body, key),
    ({ status }) => status === 201,
  )
  await gateway.send('POST', '/wechat/pay', { link: made.codeUrl })
  return made.orderNo
}

test('certificates rotate again and again while people buy: every order is paid, and no notification is lost', async () => {
  const bought: string[] = []
  const failed: unknown[] = []
  let going = true
  const traffic = Array.from({ length: 4 }, async () => {
    while (going) {
      await buy().then(
        (orderNo) => bought.push(orderNo),
        (error: unknown) => failed.push(error),
      )
    }
  })
  await until(
    async () => bought.length,
    (count) => count > 4,
  )
  // As WeChat does it: listed days before, then used for a growing share of the messages.
  await rotate(0)
  await passing(5500)
  for (const share of [30, 70, 100]) {
    await rotate(share, false)
    await passing(1000)
  }
  // As it does not: used at once, while half of the messages still have the previous one.
  await rotate(50)
  await passing(4000)
  await rotate(100)
  await passing(6000)
  going = false
  await Promise.all(traffic)
  const serials = await rotate(100, false)

  expect(failed).toEqual([])
  expect(serials).toHaveLength(4)
  expect(bought.length).toBeGreaterThan(15)
  const unpaid = () => system.sql("select order_no from orders where status <> 'paid'")
  await expect.poll(unpaid, { timeout: 60_000 }).toEqual([])
  expect(await system.sql('select count(*)::int as paid from orders')).toEqual([{ paid: bought.length }])

  // A notification refused because of its unknown certificate is sent again after 15 seconds.
  const left = async () => (await deliveries()).filter(({ state }) => state !== 'delivered')
  await expect.poll(left, { timeout: 60_000 }).toEqual([])
  expect((await deliveries()).map(({ outTradeNo }) => outTradeNo).sort()).toEqual([...bought].sort())
  const taken = await system.sql<{ attempt_no: string; serial: string }>(
    `select distinct attempt_no, headers->>'wechatpay-serial' as serial from notifications where provider = 'wechat' and accepted`,
  )
  expect(new Set(taken.map(({ attempt_no }) => attempt_no))).toEqual(new Set(bought))
  expect([...new Set(taken.map(({ serial }) => serial))].sort()).toEqual([...serials].sort())
  // Nothing was verified with a configured key: there is none.
  expect(taken.filter(({ serial }) => serial.startsWith('PUB_KEY_ID'))).toEqual([])
})
