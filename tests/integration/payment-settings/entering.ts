/** Entering keys: mix-ups are named, and stored keys are used at once. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { appOf, enter, merchant, type Outcome, owner, paid, settings, system } from './rig.ts'

test('a mix-up is named in the reader’s language and nothing is stored; a missing or malformed field is named', async () => {
  const { values, appPublicKey } = await merchant()
  const wrong = { ...values, ALIPAY_PUBLIC_KEY: appPublicKey }
  const chinese = await enter(wrong)
  expect(chinese.body).toMatchObject({ stored: false, blocked: 'keys' })
  const found = (outcome: Outcome) => outcome.findings.find(({ code }) => code === 'OWN_FOR_GATEWAY')
  expect(found(chinese.body)).toMatchObject({ verdict: 'problem', message: expect.stringContaining('应用自己的公钥') })
  expect(found((await enter(wrong, {}, 'en')).body)?.message).toContain('own public key was pasted')
  // Not even on confirmation.
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

/** The command line beside the running shop, with none of the method's settings in its environment. */
const xuecheng = (...args: string[]) =>
  execFileSync(process.execPath, [join(import.meta.dirname, '../../../apps/shop/bin/xuecheng.mjs'), ...args], {
    cwd: system.dataDir,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '',
      DATA_DIR: system.dataDir,
      PORT: new URL(system.shopUrl).port,
      SANDBOX_PORT: new URL(system.sandboxUrl).port,
    },
  })

test('keys that cannot be checked from here are stored only on confirmation', async () => {
  const { values } = await merchant()
  const away = { ...values, ALIPAY_GATEWAY: 'http://127.0.0.1:9/gateway.do' }
  expect((await enter(away)).body).toMatchObject({ stored: false, blocked: 'outside' })
})

test('entered keys are encrypted and masked, and used by every process without a restart', async () => {
  const { values, appId } = await merchant()
  const { body } = await enter(values)
  expect(body).toMatchObject({ stored: true, settings: { source: 'entered' } })

  // A command uses them too, instead of the sandbox's.
  expect(xuecheng('keys', 'check').split('\n')[0]).toBe(
    "Alipay: settings entered in the back office; WeChat Pay: the sandbox's settings",
  )
  const link = ['alipay', 'pay-url', '--out-trade-no', 'entered-1', '--amount', '1.00', '--subject', 'x']
  expect(appOf(xuecheng(...link).trim())).toBe(appId)

  // Two processes share the connections: within seconds both sign for the new merchant.
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
