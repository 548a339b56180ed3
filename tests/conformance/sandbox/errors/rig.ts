/** A sandbox with two merchants, and trades in every state. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll } from 'vitest'
import { ask, type HandCall, signed } from '../hand.ts'
import { call, type TestMerchant } from '../rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))

export let sandbox: Awaited<ReturnType<typeof startSandbox>>

export let merchant: TestMerchant

export let other: TestMerchant

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  merchant = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
  other = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
})

afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

export const send = (hand: HandCall, who = merchant) => ask(sandbox.url, signed(who, hand))

export const query = { method: 'alipay.trade.query', content: { out_trade_no: 'NONE' } }
