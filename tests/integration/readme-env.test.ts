/** The `.env` of the README, with test keys: a live shop without a default password. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createShopApi } from '../harness/shop-api.ts'
import { freePort, launchShop, stopChild } from '../harness/system.ts'

const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'xuecheng-readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The block with the Alipay settings. */
function environmentIn(file: string): string {
  const blocks = readFileSync(join(ROOT, file), 'utf8').match(/```(?:sh)?\n[^`]*```/g) ?? []
  const [found, ...more] = blocks.filter((block) => block.includes('ALIPAY_APP_ID='))
  expect([found === undefined, more.length]).toEqual([false, 0])
  return (found ?? '')
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim())
    .join('\n')
}

test('both READMEs have the same settings', () => {
  expect(environmentIn('README.zh-CN.md')).toBe(environmentIn('README.md'))
})

test('it starts a live shop: nothing is published, no demo password works, and the terminal has the owner’s code', async () => {
  const cli = join(ROOT, 'apps/shop/src/cli.ts')
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const generate = [...flags, cli, 'keys', 'generate', '--out', 'keys']
  execFileSync(process.execPath, generate, { cwd: folder, env: { PATH: process.env['PATH'] } })
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  mkdirSync(join(folder, 'keys'), { recursive: true })
  writeFileSync(join(folder, 'keys/alipay_public_key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(join(folder, 'keys/auth_secret'), randomBytes(32).toString('base64'), { mode: 0o600 })
  writeFileSync(join(folder, '.env'), environmentIn('README.md'))
  const port = await freePort()
  const { child, output } = await launchShop({ folder, environment: { PORT: String(port), METRICS_PORT: 'off' } })
  try {
    const api = createShopApi(`http://127.0.0.1:${port}`)
    const { body: shop } = await api.call<Record<string, unknown>>('GET', '/api/shop')
    expect(shop).toMatchObject({ demo: false, demoAccounts: [], sandbox: false, sandboxBuyer: null })
    expect(JSON.stringify(shop)).not.toMatch(/123456|111111/)
    expect(output()).not.toMatch(/123456|111111/)
    for (const [username, password] of [
      ['root', 'zxc123456'],
      ['admin', 'admin123456'],
    ]) {
      expect((await api.call('POST', '/api/session', { username, password })).status).toBe(401)
    }
    expect(output()).toMatch(/https:\/\/shop\.example\/admin\/first-run#\S+/)
    expect((await api.call<{ items: unknown[] }>('GET', '/api/courses')).body.items).toEqual([])
  } finally {
    await stopChild(child)
  }
})
