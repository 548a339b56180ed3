/** The command line as used at a terminal: the real program, its exit codes and output. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
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

test("alipay verify needs only Alipay's public key, and asks for it if it is missing", async () => {
  const { ALIPAY_PUBLIC_KEY } = ALIPAY
  const good = await xuecheng(['alipay', 'verify', real.query], { SANDBOX: 'off', ALIPAY_PUBLIC_KEY })
  expect([good.code, good.stdout.split('\n')[0]]).toEqual([0, 'VALID'])
  const none = await xuecheng(['alipay', 'verify', real.query], { SANDBOX: 'off' })
  expect([none.code, none.stdout]).toEqual([2, ''])
  expect(none.stderr).toMatch(/^xuecheng: ALIPAY_PUBLIC_KEY_FILE: is missing\. Example: /)
  const own = app.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const mixed = await xuecheng(['alipay', 'verify', real.query], { ...ALIPAY, ALIPAY_PUBLIC_KEY: own })
  expect(mixed.code).toBe(2)
  expect(mixed.stderr).toMatch(/^xuecheng: ALIPAY_PUBLIC_KEY: is the application's own public key, not Alipay's/)
})

test('keys check with only two keys: a line for each missing setting, and that the keys are swapped', async () => {
  const swapped = {
    SANDBOX: 'off',
    ALIPAY_PRIVATE_KEY: ALIPAY.ALIPAY_PUBLIC_KEY,
    ALIPAY_PUBLIC_KEY: ALIPAY.ALIPAY_PRIVATE_KEY,
  }
  const { code, stdout, stderr } = await xuecheng(['keys', 'check'], swapped)
  expect([code, stderr]).toEqual([1, ''])
  const lines = stdout.trim().split('\n')
  expect(lines.filter((line) => line.includes('ALIPAY_APP_ID: is missing'))).toHaveLength(1)
  expect(lines.filter((line) => line.includes('ALIPAY_SELLER_ID: is missing'))).toHaveLength(1)
  expect(lines.filter((line) => /swapped/i.test(line))).toHaveLength(1)
  const wechat = { SANDBOX: 'off', WECHATPAY_PRIVATE_KEY: ALIPAY.ALIPAY_PUBLIC_KEY }
  const one = await xuecheng(['keys', 'check', '--json'], wechat)
  const { findings } = JSON.parse(one.stdout) as { findings: { code: string; message: string }[] }
  expect(findings.filter((finding) => finding.code === 'SETTING').map(({ message }) => message.split(':')[0])).toEqual([
    'WECHATPAY_MCH_ID',
    'WECHATPAY_APP_ID',
    'WECHATPAY_SERIAL_NO',
    'WECHATPAY_API_V3_KEY',
  ])
  expect(findings.map((finding) => finding.code)).toContain('PUBLIC_KEY_GIVEN')
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

test('an error is one line on stderr', async () => {
  for (const args of [
    ['alipay', 'pay-url', '--out-trade-no', 'A1', '--amount', '9.999', '--subject', 'x'],
    ['alipay', 'pay-url', '--amount', '1.00', '--subject', 'x'],
    ['alipay', 'verify', '--no-such-option', 'x'],
  ]) {
    const { code, stdout, stderr } = await xuecheng(args, ALIPAY)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
})

test.each<[string[], RegExp]>([
  [['dance'], /^xuecheng: there is no command "dance"\. Commands: .*alipay verify.*migrate/],
  [['alipay', 'dance'], /^xuecheng: there is no command "alipay dance"\. Commands: alipay pay-url, .*alipay bill\./],
  [['users'], /^xuecheng: users what\? Commands: users create, /],
])('an unknown name is reported on stderr with the known ones: %j', async (args, line) => {
  const { code, stdout, stderr } = await xuecheng(args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(line)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('--help lists every command', async () => {
  const { code, stdout, stderr } = await xuecheng(['--help'])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('xuecheng migrate')
})

test('sandbox: the shop’s own .env says where; an error is one line', async () => {
  const bogus = await xuecheng(['sandbox', '--bogus'])
  expect([bogus.code, bogus.stdout]).toEqual([2, ''])
  expect(bogus.stderr).toMatch(/^sandbox: Unknown option '--bogus'.*\n$/)
  const taken = createServer()
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done))
  const { port } = taken.address() as AddressInfo
  writeFileSync(join(folder, '.env'), `SANDBOX_PORT=${port}\n`)
  try {
    const refused = await xuecheng(['sandbox'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(new RegExp(`^sandbox: .*127\\.0\\.0\\.1:${port}\\n$`))
  } finally {
    rmSync(join(folder, '.env'))
    taken.close()
  }
})

test('an unreachable database: one line on stderr, without its password', async () => {
  const away = await xuecheng(['users', 'create', '--username', 'nobody-yet'], {
    DATABASE_URL: 'postgres://shop:hunter2@127.0.0.1:9/shop',
  })
  expect([away.code, away.stdout]).toEqual([2, ''])
  expect(away.stderr).toMatch(
    /^xuecheng: DATABASE_URL: the PostgreSQL at 127\.0\.0\.1:9 cannot be used \(ECONNREFUSED\).*\n$/,
  )
})

test('keys check: without keys it names the folder; a single method is checked; incomplete settings are named', async () => {
  const none = await xuecheng(['keys', 'check'])
  expect([none.code, none.stdout]).toEqual([2, ''])
  expect(none.stderr).toMatch(/^xuecheng: no payment method is set up: .* in .*keys\. .*\n$/)
  expect(none.stderr).toContain(join(folder, 'keys'))

  const own = app.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const wechat = {
    SANDBOX: 'off',
    WECHATPAY_MCH_ID: '1900000001',
    WECHATPAY_APP_ID: 'wxd678efh567hg6787',
    WECHATPAY_SERIAL_NO: '5157F09EFDC096DE15EBE81A47057A72',
    WECHATPAY_BASE_URL: 'http://127.0.0.1:9',
    WECHATPAY_PRIVATE_KEY: own,
    WECHATPAY_API_V3_KEY: 'a'.repeat(32),
  }
  const one = await xuecheng(['keys', 'check'], wechat)
  expect(one.stderr).toBe('')
  expect(one.stdout).toMatch(/^WeChat Pay: settings of the environment\n/)
  expect(one.stdout).not.toContain('Alipay')

  const half = await xuecheng(['keys', 'check', '--lang', 'zh'], { ...wechat, ALIPAY_APP_ID: '2021000120612450' })
  expect(half.code).toBe(1)
  expect(half.stdout).toMatch(/^支付宝：环境变量中的设置；微信支付：环境变量中的设置\n/)
  expect(half.stdout).toContain('支付宝: ALIPAY_SELLER_ID: is missing')
})

test('a bad key is reported without printing it', async () => {
  const { code, stderr } = await xuecheng(['alipay', 'query', '--out-trade-no', 'A1'], {
    ...ALIPAY,
    ALIPAY_PRIVATE_KEY: 'c2VjcmV0LWtleS1tYXRlcmlhbA==',
  })
  expect(code).toBe(2)
  expect(stderr).toMatch(/^xuecheng: ALIPAY_PRIVATE_KEY: /)
  expect(stderr).not.toContain('c2VjcmV0')
})

test.each([
  ['backup', 'shop.backup'],
  ['reconcile', '--date', '2026-11-23'],
  ['notifications', 'replay', '1'],
  ['users', 'create', '--username', 'nobody-yet'],
  ['users', 'second-factor-off', '--username', 'nobody-yet'],
])('outside a shop nothing is created, and the answer is one line: %s', async (...args) => {
  const { code, stdout, stderr } = await xuecheng(args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe(
    `xuecheng: there is no shop in ${folder}; nothing was done. Set DATA_DIR to its data folder, or DATABASE_URL\n`,
  )
  expect(existsSync(join(folder, 'postgres'))).toBe(false)
  expect(existsSync(join(folder, 'shop.backup'))).toBe(false)
})

test('migrate runs every file once', async () => {
  const first = await xuecheng(['migrate', '--json'])
  expect(first.stderr).toBe('')
  expect(JSON.parse(first.stdout)).toMatchObject({ ran: expect.arrayContaining(['0001_foundation.sql']) })
  const second = await xuecheng(['migrate'])
  expect([second.code, second.stdout.trim()]).toEqual([0, 'up to date'])
  // A refusal of the shop is one line with its code, printed once.
  const nobody = await xuecheng(['users', 'second-factor-off', '--username', 'nobody-here'])
  expect([nobody.code, nobody.stdout]).toEqual([1, ''])
  expect(nobody.stderr).toMatch(/^xuecheng: [A-Z_]+: (?![A-Z_]+:)[^\n]+\n$/)
})
