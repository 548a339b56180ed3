/** Keys from the environment, a shop without any, and the bills of all merchants. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startSystem, until } from '../../harness/system.ts'
import { merchant, type Outcome, owner, type Settings, system } from './rig.ts'

test('keys from the environment take precedence, and cannot be replaced on the page', async () => {
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
    const cli = join(import.meta.dirname, '../../../apps/shop/src/cli.ts')
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

    // Its last keys stay while something of it is unsettled.
    expect((await staff.call('POST', '/api/admin/trial-payments', { payType: 'alipay' })).status).toBe(201)
    const page = '/api/admin/payment-settings'
    const { body: removed } = await staff.call<Settings>('POST', `${page}/alipay/remove`)
    const forget = (body?: object) =>
      staff.call<{ code?: string }>('POST', `${page}/former/${removed.entered[0]?.id ?? 0}/forget`, body)
    expect((await forget()).body.code).toBe('SETTINGS_STILL_NEEDED')
    const { values: next } = await merchant()
    expect((await staff.call<Outcome>('POST', `${page}/alipay`, { values: next })).body.stored).toBe(true)
    // Another merchant's keys cannot tell whether it was paid.
    expect((await forget()).body.code).toBe('SETTINGS_STILL_NEEDED')
    expect((await forget({ giveUp: true })).status).toBe(200)
    const { body: last } = await staff.call<Settings>('POST', `${page}/alipay/remove`)
    await own.sql('update trial_payments set closed_at = now()')
    const path = `${page}/former/${last.entered[0]?.id ?? 0}/forget`
    expect((await staff.call('POST', path)).status).toBe(200)
  } finally {
    await own.stop()
  }
})

test('a day’s bill includes every merchant whose keys are kept', async () => {
  const day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  await system.sandbox.nextMorning()
  await owner.call('POST', '/api/admin/reconciliations', { provider: 'alipay', day })
  const path = `/api/admin/reconciliations/alipay/${day}`
  const { body } = await until(
    () => owner.call<{ reconciliation?: { status: string; trades: number }; differences: object[] }>('GET', path),
    (answer) => answer.body.reconciliation?.status === 'done',
  )
  // One merchant was forgotten above, but none with a payment that is expected here.
  expect(body.differences).toEqual([])
  expect(body.reconciliation?.trades).toBe(4)
})
