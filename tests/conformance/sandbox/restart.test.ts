/** Everything that the sandbox has acknowledged survives kill -9: trades, balances, and notifications still to be sent. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { call, type Json, listen, merchantWithSdk } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
const main = new URL('../../../packages/sandbox/src/main.ts', import.meta.url)
const children: ChildProcess[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
})

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(main, ['--port', '0', '--data', data], {
    execArgv: ['--conditions=xuecheng:source'],
    silent: true,
  })
  children.push(child)
  const [message] = (await once(child, 'message')) as [{ type: string; url: string }]
  expect(message.type).toBe('ready')
  return { child, url: message.url }
}

test('kill -9 in the middle of paying loses no acknowledged payment and no notification', async () => {
  const shop = await listen()
  shop.answer = { status: 500, body: '' }
  const first = await start()
  const { sdk } = await merchantWithSdk(first.url)
  const acknowledged: string[] = []
  const pays = Array.from({ length: 300 }, async (_, index) => {
    const payUrl = sdk.pageExecute('alipay.trade.page.pay', 'GET', {
      notifyUrl: shop.url,
      bizContent: {
        outTradeNo: `KILL-${index}`,
        totalAmount: '2.00',
        subject: 's',
        productCode: 'FAST_INSTANT_TRADE_PAY',
      },
    })
    const paid = await call<{ trade: { outTradeNo: string } }>(first.url, 'POST', '/pay', { payUrl })
    acknowledged.push(paid.trade.outTradeNo)
    if (acknowledged.length === 100) first.child.kill('SIGKILL')
  })
  await Promise.allSettled(pays)
  expect(acknowledged.length).toBeGreaterThanOrEqual(100)

  const second = await start()
  const { items } = await call<{ items: Json[] }>(second.url, 'GET', '/trades?limit=500')
  const paid = new Set(items.filter((trade) => trade['status'] === 'TRADE_SUCCESS').map((trade) => trade['outTradeNo']))
  for (const number of acknowledged) expect(paid).toContain(number)
  const summary = await call<{ items: Json[] }>(second.url, 'GET', '/summary')
  const buyers = await call<{ items: { balance: string }[] }>(second.url, 'GET', '/buyers')
  expect(summary.items[0]?.['paidAmount']).toBe(`${paid.size * 2}.00`)
  expect(buyers.items[0]?.balance).toBe(`${100_000 - paid.size * 2}.00`)

  shop.answer = { status: 200, body: 'success' }
  await call(second.url, 'POST', '/clock', { advanceSeconds: 300 })
  const told = new Set(shop.received.map((body) => new URLSearchParams(body).get('out_trade_no')))
  for (const number of paid) expect(told).toContain(number)
  const pending = await call<{ items: Json[] }>(second.url, 'GET', '/deliveries?state=pending')
  expect(pending.items).toEqual([])

  second.child.disconnect()
  const [code] = await once(second.child, 'exit')
  expect(code).toBe(0)
  await shop.close()
})

test('a second sandbox on the same folder is refused in one line', async () => {
  const first = await start()
  const second = fork(main, ['--port', '0', '--data', data], {
    execArgv: ['--conditions=xuecheng:source'],
    silent: true,
  })
  let said = ''
  second.stderr?.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const [code] = await once(second, 'exit')
  expect(code).toBe(1)
  expect(said.trim().split('\n')).toEqual([expect.stringContaining('another sandbox is using')])
  first.child.kill('SIGTERM')
  await once(first.child, 'exit')
})
