/** The command line, as a person at a terminal uses it: the real program, its exit codes and its lines. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'xuecheng-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function xuecheng(args: string[], environment: Record<string, string> = {}): Promise<Ran> {
  return new Promise((done) => {
    const env = { PATH: process.env['PATH'] ?? '', DATA_DIR: folder, ...environment }
    execFile(
      process.execPath,
      [join(ROOT, 'apps/shop/bin/xuecheng.mjs'), ...args],
      { cwd: folder, env },
      (error, stdout, stderr) =>
        done({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr }),
    )
  })
}

const app = generateKeyPairSync('rsa', { modulusLength: 2048 })
const real: { alipayPublicKey: string; query: string } = JSON.parse(
  readFileSync(join(ROOT, 'packages/alipay/test/fixtures/return-2022.json'), 'utf8'),
)
const ALIPAY = {
  SANDBOX: 'off',
  ALIPAY_APP_ID: '2021000120612450',
  ALIPAY_SELLER_ID: '2088621959339670',
  ALIPAY_PRIVATE_KEY: app.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
  ALIPAY_PUBLIC_KEY: real.alipayPublicKey,
}

test('alipay verify: a real return of 2022 is valid, exit 0; with one character changed it is not, exit 1', async () => {
  const good = await xuecheng(['alipay', 'verify', real.query], ALIPAY)
  expect([good.code, good.stdout.split('\n')[0]]).toEqual([0, 'VALID'])
  expect(good.stdout).toContain('out_trade_no=ffb82dd39bf043808c311b4ae983d9ec')
  const bad = await xuecheng(['alipay', 'verify', '--json', real.query.replace('39.00', '39.01')], ALIPAY)
  expect(bad.code).toBe(1)
  expect(JSON.parse(bad.stdout)).toMatchObject({ valid: false, code: 'SIGN_MISMATCH' })
})

test('alipay pay-url prints one address of exactly that amount', async () => {
  const args = ['alipay', 'pay-url', '--out-trade-no', 'A1', '--amount', '9.90', '--subject', '一门课']
  const { code, stdout } = await xuecheng(args, ALIPAY)
  expect(code).toBe(0)
  const url = new URL(stdout.trim())
  expect(url.origin).toBe('https://openapi.alipay.com')
  expect(JSON.parse(url.searchParams.get('biz_content') ?? '')).toMatchObject({
    out_trade_no: 'A1',
    total_amount: '9.90',
    subject: '一门课',
  })
})

test('what is wrong is said in one line on stderr', async () => {
  for (const args of [
    ['alipay', 'pay-url', '--out-trade-no', 'A1', '--amount', '9.999', '--subject', 'x'],
    ['alipay', 'pay-url', '--amount', '1.00', '--subject', 'x'],
    ['alipay', 'verify', '--no-such-option', 'x'],
  ]) {
    const { code, stdout, stderr } = await xuecheng(args, ALIPAY)
    expect(code).not.toBe(0)
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
  const unknown = await xuecheng(['dance'])
  expect([unknown.code, unknown.stdout]).toMatchObject([2, expect.stringContaining('xuecheng migrate')])
})

test('a bad key is named without being repeated', async () => {
  const { code, stderr } = await xuecheng(['alipay', 'verify', 'a=b'], {
    ...ALIPAY,
    ALIPAY_PRIVATE_KEY: 'c2VjcmV0LWtleS1tYXRlcmlhbA==',
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(/^xuecheng: ALIPAY_PRIVATE_KEY: /)
  expect(stderr).not.toContain('c2VjcmV0')
})

test('migrate runs every file once', async () => {
  const first = await xuecheng(['migrate', '--json'])
  expect(JSON.parse(first.stdout)).toMatchObject({ ran: expect.arrayContaining(['0001_foundation.sql']) })
  const second = await xuecheng(['migrate'])
  expect([second.code, second.stdout.trim()]).toEqual([0, 'up to date'])
})
