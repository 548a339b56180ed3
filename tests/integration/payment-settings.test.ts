/** Payment keys entered in the back office: examined in words, sealed, masked, used by every process, and never in the way of money that came before. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

interface Settings {
  readonly provider: string
  readonly source: string | null
  readonly entered: readonly {
    id: number
    shown: { name: string; value: string; ends?: string }[]
    retiredAt: string | null
  }[]
}
interface Outcome {
  readonly stored: boolean
  readonly blocked: string
  readonly findings: readonly { check: string; code: string; verdict: string; message: string }[]
  readonly settings: Settings
}

let system: System
let owner: ShopApi
beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
})
afterAll(() => system.stop())

/** A merchant of the sandbox besides the shop's own, with its values as its owner would enter them. */
async function merchant() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const appPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const made = await system.sandbox.send<{ appId: string; sellerId: string; alipayPublicKey: string }>(
    'POST',
    '/merchants',
    { name: 'entered', appPublicKey },
  )
  const values = {
    ALIPAY_APP_ID: made.appId,
    ALIPAY_SELLER_ID: made.sellerId,
    ALIPAY_GATEWAY: `${system.sandboxUrl}/gateway.do`,
    ALIPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    ALIPAY_PUBLIC_KEY: made.alipayPublicKey,
  }
  return { values, appPublicKey, appId: made.appId }
}

const enter = (values: Record<string, string>, more: object = {}, language = 'zh-CN') =>
  owner.call<Outcome>(
    'POST',
    '/api/admin/payment-settings/alipay',
    { values, ...more },
    { 'accept-language': language },
  )
const settings = async () =>
  (await owner.call<{ items: Settings[] }>('GET', '/api/admin/payment-settings')).body.items.find(
    ({ provider }) => provider === 'alipay',
  )
const appOf = (payUrl: string) => new URL(payUrl).searchParams.get('app_id')
const paid = (buyer: ShopApi, orderNo: string) =>
  until(
    () => buyer.order(orderNo),
    ({ status }) => status === 'paid',
  )

test('a mix-up is named in the reader’s language, and nothing is stored; a field that is missing or misshapen is named', async () => {
  const { values, appPublicKey } = await merchant()
  const wrong = { ...values, ALIPAY_PUBLIC_KEY: appPublicKey }
  const chinese = await enter(wrong)
  expect(chinese.body).toMatchObject({ stored: false, blocked: 'keys' })
  const found = (outcome: Outcome) => outcome.findings.find(({ code }) => code === 'OWN_FOR_GATEWAY')
  expect(found(chinese.body)).toMatchObject({ verdict: 'problem', message: expect.stringContaining('应用自己的公钥') })
  expect(found((await enter(wrong, {}, 'en')).body)?.message).toContain('own public key was pasted')
  // Not even for one who insists.
  expect((await enter(wrong, { despite: true })).body.stored).toBe(false)

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const stranger = other.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const refused = await enter({ ...values, ALIPAY_PRIVATE_KEY: stranger })
  expect(refused.body.findings.map(({ code }) => code)).toContain('SIGNATURE_REFUSED')
  expect(JSON.stringify(refused.body)).not.toContain(stranger.split('\n')[3])

  const { status, body } = await enter({ ...values, ALIPAY_APP_ID: '12', ALIPAY_PRIVATE_KEY: '' })
  expect(status).toBe(422)
  expect((body as unknown as { errors: { field: string }[] }).errors.map(({ field }) => field)).toEqual([
    'ALIPAY_APP_ID',
    'ALIPAY_PRIVATE_KEY',
  ])
  const only = await enter(values, { onlyCheck: true })
  expect(only.body).toMatchObject({ stored: false, blocked: 'no' })
  expect((await settings())?.entered).toEqual([])
})

/** The command line beside the running shop, with nothing of the method in its environment. */
const xuecheng = (...args: string[]) =>
  execFileSync(process.execPath, [join(import.meta.dirname, '../../apps/shop/bin/xuecheng.mjs'), ...args], {
    cwd: system.dataDir,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '',
      DATA_DIR: system.dataDir,
      PORT: new URL(system.shopUrl).port,
      SANDBOX_PORT: new URL(system.sandboxUrl).port,
    },
  })

test('what cannot be proved from here is stored only for one who insists', async () => {
  const { values } = await merchant()
  const away = { ...values, ALIPAY_GATEWAY: 'http://127.0.0.1:9/gateway.do' }
  expect((await enter(away)).body).toMatchObject({ stored: false, blocked: 'outside' })
})

test('entered keys are sealed and masked, and used by every process without a restart', async () => {
  const { values, appId } = await merchant()
  const { body } = await enter(values)
  expect(body).toMatchObject({ stored: true, settings: { source: 'entered' } })

  // A command takes them too, in place of the sandbox's.
  expect(xuecheng('keys', 'check').split('\n')[0]).toBe(
    "Alipay: settings entered in the back office; WeChat Pay: the sandbox's settings",
  )
  const link = ['alipay', 'pay-url', '--out-trade-no', 'entered-1', '--amount', '1.00', '--subject', 'x']
  expect(appOf(xuecheng(...link).trim())).toBe(appId)

  // Two processes share the connections: within seconds each signs for the new merchant.
  const buyer = await system.buyer()
  await until(
    async () => {
      const made = await Promise.all(
        Array.from({ length: 12 }, () => system.buyer().then((each) => each.buy([1], '39.00'))),
      )
      return made.map((order) => appOf(order.body.payUrl))
    },
    (apps) => apps.every((app) => app === appId),
  )
  const order = (await buyer.buy([1], '39.00')).body
  await system.sandbox.pay(order.payUrl)
  await paid(buyer, order.orderNo)

  const secret = values.ALIPAY_PRIVATE_KEY
  const shown = JSON.stringify([await settings(), (await owner.call('GET', '/api/admin/audit')).body])
  expect(shown).toContain(appId)
  expect(shown).toContain(secret.replace(/=+$/, '').slice(-4))
  for (let at = 0; at + 40 < secret.length; at += 40) expect(shown).not.toContain(secret.slice(at, at + 40))
  const tables = await system.sql<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public'`,
  )
  for (const { name } of tables) {
    const rows = await system.sql<{ row: string }>(`select t::text as row from "${name}" t`)
    for (const { row } of rows) {
      const hex = Buffer.from(secret.slice(100, 140)).toString('hex')
      expect(row.includes(secret.slice(100, 140)) || row.includes(hex), name).toBe(false)
    }
  }
})

test('what was begun with a former merchant is settled, asked about and refunded there', async () => {
  const buyer = await system.buyer()
  const before = (await buyer.buy([2], '49.00')).body
  const late = await system.buyer()
  const unseen = (await late.buy([2], '49.00')).body
  const next = await merchant()
  expect((await enter(next.values)).body.stored).toBe(true)
  await until(
    async () => appOf((await (await system.buyer()).buy([1], '39.00')).body.payUrl),
    (app) => app === next.appId,
  )

  // By its notification, and without one.
  await system.sandbox.pay(before.payUrl)
  await paid(buyer, before.orderNo)
  await system.sandbox.notifications(false)
  await system.sandbox.pay(unseen.payUrl)
  await late.call('POST', `/api/orders/${unseen.orderNo}/ask`)
  await paid(late, unseen.orderNo)
  await system.sandbox.notifications(true)

  const lines = [{ courseId: 2, amount: '49.00' }]
  const refund = { lines, amount: '49.00', reason: '与买家商定' }
  expect((await owner.call('POST', `/api/admin/orders/${before.orderNo}/refunds`, refund)).status).toBeLessThan(300)
  await until(
    () => buyer.order(before.orderNo),
    ({ status }) => status === 'refunded',
  )
  expect((await system.sandbox.trades(before.orderNo))[0]?.refundedAmount).toBe('49.00')
})

test('removed, the sandbox’s merchant is used again; former settings are kept until they are forgotten', async () => {
  expect((await enter((await merchant()).values)).body.stored).toBe(true)
  const { status, body } = await owner.call<Settings>('POST', '/api/admin/payment-settings/alipay/remove')
  expect(status).toBe(200)
  expect(body.source).toBe('sandbox')
  expect(body.entered.every(({ retiredAt }) => retiredAt !== null)).toBe(true)
  expect((await owner.call('POST', '/api/admin/payment-settings/alipay/remove')).status).toBe(404)
  const { id } = body.entered[0] ?? { id: 0 }
  await owner.call('POST', `/api/admin/payment-settings/former/${id}/forget`)
  expect((await settings())?.entered.map((each) => each.id)).not.toContain(id)
  await until(
    async () => appOf((await (await system.buyer()).buy([1], '39.00')).body.payUrl),
    (app) => app === '9021000100000001',
  )
})

test('certificate mode: three files in place of one key; mixed up they are not stored', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const made = await system.sandbox.send<{
    appId: string
    sellerId: string
    certificates: { appCert: string; alipayCert: string; rootCert: string }
  }>('POST', '/merchants', {
    name: 'certificates',
    keyMode: 'cert',
    appPublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  })
  const { appCert, alipayCert, rootCert } = made.certificates
  const values = {
    ALIPAY_APP_ID: made.appId,
    ALIPAY_SELLER_ID: made.sellerId,
    ALIPAY_GATEWAY: `${system.sandboxUrl}/gateway.do`,
    ALIPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    ALIPAY_APP_CERT: appCert,
    ALIPAY_ALIPAY_CERT: alipayCert,
    ALIPAY_ROOT_CERT: rootCert,
  }
  const missing = await enter({ ...values, ALIPAY_ROOT_CERT: '' })
  expect(missing.status).toBe(422)
  const mixed = await enter({ ...values, ALIPAY_ALIPAY_CERT: appCert })
  expect(mixed.body).toMatchObject({ stored: false, blocked: 'keys' })
  const torn = await enter({ ...values, ALIPAY_APP_CERT: alipayCert })
  expect(torn.status === 422 || torn.body.blocked === 'keys', JSON.stringify(torn.body)).toBe(true)

  expect((await enter(values)).body).toMatchObject({ stored: true, settings: { source: 'entered' } })
  const buyer = await system.buyer()
  await until(
    async () => appOf((await (await system.buyer()).buy([1], '39.00')).body.payUrl),
    (app) => app === made.appId,
  )
  const order = (await buyer.buy([3], '50.00')).body
  await system.sandbox.pay(order.payUrl)
  await paid(buyer, order.orderNo)
})

test('the other method’s keys are entered the same way; its secret is not shown either', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const serialNo = '5857554348454E4700000000000000000000ABCD'
  const secret = randomBytes(16).toString('hex')
  const mchId = '1900000077'
  const appId = 'wx00000000000000ab'
  const made = await system.sandbox.send<{ publicKeyId: string; publicKey: string }>(
    'PUT',
    `/wechat/merchants/${mchId}`,
    {
      name: 'entered',
      appId,
      serialNo,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      apiV3Key: secret,
      keyMode: 'public-key',
    },
  )
  const values = {
    WECHATPAY_MCH_ID: mchId,
    WECHATPAY_APP_ID: appId,
    WECHATPAY_SERIAL_NO: serialNo,
    WECHATPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    WECHATPAY_API_V3_KEY: secret,
    WECHATPAY_PUBLIC_KEY_ID: made.publicKeyId,
    WECHATPAY_PUBLIC_KEY: made.publicKey,
    WECHATPAY_BASE_URL: system.sandboxUrl,
  }
  const send = (sent: object) =>
    owner.call<Outcome>('POST', '/api/admin/payment-settings/wechat', { values: sent }, { 'accept-language': 'en' })
  const own = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  expect((await send({ ...values, WECHATPAY_PUBLIC_KEY: own })).body).toMatchObject({ stored: false, blocked: 'keys' })
  const { body } = await send(values)
  expect(body).toMatchObject({ stored: true, settings: { source: 'entered' } })
  expect(JSON.stringify(body)).not.toContain(secret)

  const order = { courseIds: [1], totalAmount: '39.00', payType: 'wechat' }
  await until(
    async () => {
      const buyer = await system.buyer()
      const placed = await buyer.call<{ orderNo: string }>('POST', '/api/orders', order)
      const { items } = await system.sandbox.get<{ items: { mchId: string }[] }>(
        `/wechat/trades?outTradeNo=${placed.body.orderNo}`,
      )
      return items.map((trade) => trade.mchId)
    },
    ([at]) => at === mchId,
  )
})

test('another application of the same merchant: what the former one ordered is closed and paid back all the same', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const secret = randomBytes(16).toString('hex')
  const [mchId, serialNo] = ['1900000078', '5857554348454E4700000000000000000000ABCE']
  const use = async (appId: string) => {
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    const merchant = { name: 'entered', appId, serialNo, publicKey: key, apiV3Key: secret, keyMode: 'public-key' }
    const made = await system.sandbox.send<{ publicKeyId: string; publicKey: string }>(
      'PUT',
      `/wechat/merchants/${mchId}`,
      merchant,
    )
    const values = {
      WECHATPAY_MCH_ID: mchId,
      WECHATPAY_APP_ID: appId,
      WECHATPAY_SERIAL_NO: serialNo,
      WECHATPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      WECHATPAY_API_V3_KEY: secret,
      WECHATPAY_PUBLIC_KEY_ID: made.publicKeyId,
      WECHATPAY_PUBLIC_KEY: made.publicKey,
      WECHATPAY_BASE_URL: system.sandboxUrl,
    }
    const { body } = await owner.call<Outcome>('POST', '/api/admin/payment-settings/wechat', { values })
    expect(body.stored, JSON.stringify(body)).toBe(true)
    const ordered = async () => (await order(await system.buyer())).orderNo
    const noted = async () =>
      (
        await system.sql<{ merchant: string }>('select merchant from payment_attempts where attempt_no = $1', [
          await ordered(),
        ])
      ).map(({ merchant: at }) => at.endsWith(appId))
    // Two processes share the connections.
    await until(
      async () => [...(await noted()), ...(await noted()), ...(await noted())],
      (all) => all.every(Boolean),
    )
  }
  const order = async (buyer: ShopApi) =>
    (
      await buyer.call<{ orderNo: string; codeUrl: string }>('POST', '/api/orders', {
        ...{ courseIds: [1], totalAmount: '39.00', payType: 'wechat' },
      })
    ).body
  await use('wx00000000000000c1')
  const [payer, doubter] = [await system.buyer(), await system.buyer()]
  const [bought, left] = [await order(payer), await order(doubter)]
  await system.sandbox.send('POST', '/wechat/pay', { link: bought.codeUrl })
  await paid(payer, bought.orderNo)

  await use('wx00000000000000c2')
  // Opened again it is an order of the application in use; the number stays with the one that it was made known by.
  const again = await doubter.call<{ codeUrl: string }>('GET', `/api/orders/${left.orderNo}/payment`)
  expect([again.status, again.body.codeUrl === left.codeUrl]).toEqual([200, false])
  expect((await doubter.call('POST', `/api/orders/${left.orderNo}/cancel`)).status).toBe(200)
  await expect(system.sandbox.send('POST', '/wechat/pay', { link: left.codeUrl })).rejects.toThrow(/ 4\d\d /)
  const refund = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason: '与买家商定' }
  expect((await owner.call('POST', `/api/admin/orders/${bought.orderNo}/refunds`, refund)).status).toBe(201)
  await until(
    () => payer.order(bought.orderNo),
    ({ status }) => status === 'refunded',
  )
})

test('keys that the environment gives win, and are not replaced from the page', async () => {
  const { values } = await merchant()
  const own = await startSystem({ environment: { ...values, SANDBOX: 'on' } })
  try {
    const staff = own.client()
    await staff.login('admin', 'admin123456')
    const answer = await staff.call<{ code: string }>('POST', '/api/admin/payment-settings/alipay', { values })
    expect([answer.status, answer.body.code]).toEqual([409, 'SETTINGS_FROM_ENVIRONMENT'])
  } finally {
    await own.stop()
  }
})

test('a shop in production starts without any keys, and takes the first ones from its owner', async () => {
  const { values, appId } = await merchant()
  const AUTH_SECRET = 'a secret for a test, of more than 32 characters'
  const own = await startSystem({ environment: { NODE_ENV: 'production', AUTH_SECRET } })
  try {
    const cli = join(import.meta.dirname, '../../apps/shop/src/cli.ts')
    const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
    const env = { PATH: process.env['PATH'], DATA_DIR: own.dataDir, AUTH_SECRET, NODE_ENV: 'production' }
    const passwordFile = join(own.dataDir, 'password')
    writeFileSync(passwordFile, 'a long password')
    const create = ['users', 'create', '--staff', 'owner', '--username', 'the-owner', '--password-file', passwordFile]
    execFileSync(process.execPath, [...flags, cli, ...create], { env, cwd: own.dataDir })
    const staff = own.client()
    await staff.login('the-owner', 'a long password')
    const offered = async () => {
      const { body } = await staff.call<{ payMethods: { name: string; offered: boolean }[] }>('GET', '/api/shop')
      return body.payMethods.filter((method) => method.offered).map(({ name }) => name)
    }
    expect(await offered()).toEqual([])
    const stored = await staff.call<Outcome>('POST', '/api/admin/payment-settings/alipay', { values })
    expect(stored.body.stored).toBe(true)
    expect(JSON.stringify(stored.body.settings)).toContain(appId)
    await until(offered, (names) => names.join() === 'alipay')

    // Its last keys stay while something of it has not ended.
    expect((await staff.call('POST', '/api/admin/trial-payments', { payType: 'alipay' })).status).toBe(201)
    const page = '/api/admin/payment-settings'
    const { body: removed } = await staff.call<Settings>('POST', `${page}/alipay/remove`)
    const forget = () => staff.call<{ code?: string }>('POST', `${page}/former/${removed.entered[0]?.id ?? 0}/forget`)
    expect((await forget()).body.code).toBe('SETTINGS_STILL_NEEDED')
    const { values: next } = await merchant()
    expect((await staff.call<Outcome>('POST', `${page}/alipay`, { values: next })).body.stored).toBe(true)
    expect((await forget()).status).toBe(200)
    const { body: last } = await staff.call<Settings>('POST', `${page}/alipay/remove`)
    await own.sql('update trial_payments set closed_at = now()')
    const path = `${page}/former/${last.entered[0]?.id ?? 0}/forget`
    expect((await staff.call('POST', path)).status).toBe(200)
  } finally {
    await own.stop()
  }
})

test('a day’s bill is that of every merchant whose keys are kept', async () => {
  const day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  await system.sandbox.nextMorning()
  await owner.call('POST', '/api/admin/reconciliations', { provider: 'alipay', day })
  const path = `/api/admin/reconciliations/alipay/${day}`
  const { body } = await until(
    () => owner.call<{ reconciliation?: { status: string; trades: number }; differences: object[] }>('GET', path),
    (answer) => answer.body.reconciliation?.status === 'done',
  )
  // One of the settings was forgotten above, but not one that anything was paid with that is asked for here.
  expect(body.differences).toEqual([])
  expect(body.reconciliation?.trades).toBe(4)
})
