/** Our own shop passes the sandbox's go-live checklist, driven over HTTP as any other shop would be. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { RunningSystem } from '../harness/system.ts'

const ROOT = join(import.meta.dirname, '../..')

let system: RunningSystem
beforeAll(async () => {
  system = await borrowShop()
})
afterAll(() => system.stop())

interface Report {
  readonly passed: number
  readonly failed: number
  readonly results: readonly { name: string; passed: boolean; expected: string; saw: string }[]
}

test.each(['alipay', 'wechat'])('xuecheng sandbox check: every line of the checklist of %s passes', async (payType) => {
  // A new buyer for each order, so that the shop never returns an existing order.
  const script = `
    const shop = ${JSON.stringify(system.shopUrl)}
    const { request } = await import('node:http')
    // From another address, like another buyer.
    const localAddress = '127.' + [1, 2, 3].map(() => 1 + Math.floor(Math.random() * 250)).join('.')
    const post = (path, body, token) => new Promise((done, failed) => {
      const headers = { 'content-type': 'application/json', ...(token ? { authorization: 'Bearer ' + token } : {}) }
      const sent = request(shop + path, { method: 'POST', localAddress, headers }, async (answer) => {
        let text = ''
        for await (const part of answer) text += part
        done(JSON.parse(text))
      })
      sent.once('error', failed).end(JSON.stringify(body))
    })
    const { token } = await post('/api/users', { username: 'c' + Math.random().toString(36).slice(2, 14), password: 'a long password' })
    const { payUrl, codeUrl } = await post('/api/orders', { courseIds: [1], totalAmount: '39.00', payType: '${payType}' }, token)
    console.log(payUrl ?? codeUrl)`
  const node = process.execPath
  const command = `${node} --input-type=module -e ${quote(script)}`
  const url = `${system.shopUrl}/api/payments/${payType}/notify`
  const args = ['sandbox', 'check', url, '--sandbox', system.sandboxUrl, '--order-command', command, '--json']
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    execFile(
      node,
      [join(ROOT, 'apps/shop/bin/xuecheng.mjs'), ...args],
      { cwd: system.dataDir, maxBuffer: 1e7 },
      (error, out, err) =>
        done({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout: out, stderr: err }),
    )
  })
  expect(stderr).toBe('')
  const report = JSON.parse(stdout) as Report
  expect(report.results.filter(({ passed }) => !passed)).toEqual([])
  expect(report.passed).toBeGreaterThanOrEqual(9)
  expect(code).toBe(0)
})

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
