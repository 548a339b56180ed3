/** Going live is complete: from then on no demo password works, and no sandbox payment counts. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

interface ShopSaid {
  readonly demoAccounts: { username: string; password: string }[]
  readonly sandbox: boolean
  readonly sandboxBuyer: object | null
  readonly payMethods: { name: string; offered: boolean }[]
}
interface Problem {
  readonly code: string
}

const DEMO = { root: 'zxc123456', admin: 'admin123456' }
const folders: string[] = []
const newFolder = () => {
  folders.push(mkdtempSync(join(tmpdir(), 'xuecheng-live-')))
  return folders.at(-1) ?? ''
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Over a new connection each time: any of the web servers answers. */
const ANEW = { connection: 'close' }

const logIn = (system: System, name: keyof typeof DEMO, headers: Record<string, string> = {}) =>
  createShopApi(system.shopUrl).call<Problem & { token: string }>(
    'POST',
    '/api/session',
    { username: name, password: DEMO[name] },
    { ...ANEW, ...headers },
  )
const shopSays = async (system: System, headers: Record<string, string> = {}) =>
  (await createShopApi(system.shopUrl).call<ShopSaid>('GET', '/api/shop', undefined, { ...ANEW, ...headers })).body

async function me(system: System, token: string, headers: Record<string, string> = {}): Promise<number> {
  const api = createShopApi(system.shopUrl)
  api.token = token
  return (await api.call('GET', '/api/me', undefined, { ...ANEW, ...headers })).status
}

function command(system: System, environment: Record<string, string>, ...args: string[]): string {
  const cli = join(import.meta.dirname, '../../apps/shop/src/cli.ts')
  const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const env = { PATH: process.env['PATH'], DATA_DIR: system.dataDir, ...environment }
  return execFileSync(process.execPath, [...flags, cli, ...args], { env, cwd: system.dataDir, encoding: 'utf8' })
}

describe('a demo behind a proxy that is not configured', () => {
  test('demo passwords are neither shown to the proxy’s visitors nor accepted from them, only on its own machine', async () => {
    const system = await startSystem()
    try {
      const { body } = await logIn(system, 'root')
      expect((await shopSays(system)).demoAccounts).toHaveLength(2)
      const proxied = { 'x-forwarded-for': '127.0.0.1' }
      const refused = await logIn(system, 'root', proxied)
      expect([refused.status, refused.body.code]).toEqual([403, 'DEMO_PASSWORD_ELSEWHERE'])
      expect((await shopSays(system, proxied)).demoAccounts).toEqual([])
      expect([await me(system, body.token), await me(system, body.token, proxied)]).toEqual([200, 401])

      // The proxy is reported in the log, once per process, at the next start, and among the health checks.
      await until(
        () => system.sql<{ entries: number }>('select entries, trusted from unknown_proxy'),
        (rows) => rows[0]?.entries === 1,
      )
      for (let time = 0; time < 20; time += 1) await shopSays(system, proxied)
      const warnings = system.output().match(/X-Forwarded-For came and is not believed \(TRUST_PROXY=0\)/g) ?? []
      expect(warnings.length).toBeGreaterThan(0)
      expect(warnings.length).toBeLessThanOrEqual(2)
      const staff = system.client()
      await staff.login('admin', DEMO.admin)
      type Health = { checks: { check: string; count: number }[] }
      const { body: health } = await staff.call<Health>('GET', '/api/admin/money-health')
      expect(health.checks.find(({ check }) => check === 'unknown_proxy')?.count).toBe(1)
    } finally {
      await system.stop()
    }
  })

  test('they are accepted through the proxy when DEMO=on is set', async () => {
    const system = await startSystem({ environment: { DEMO: 'on' } })
    try {
      const proxied = { 'x-forwarded-for': '203.0.113.7' }
      expect((await logIn(system, 'root', proxied)).status).toBe(200)
      expect((await shopSays(system, proxied)).demoAccounts).toHaveLength(2)
    } finally {
      await system.stop()
    }
  })
})

test('a real merchant’s keys, entered while the shop runs, end the demo in every process at once', async () => {
  const system = await startSystem({ environment: { WORKERS: '3' } })
  try {
    const buyer = system.client()
    await buyer.login('root', DEMO.root)
    const { body: open } = await buyer.buy([1], '39.00')
    expect(open.payUrl).toContain(system.sandboxUrl)
    const other = await system.buyer()
    const staff = system.client()
    await staff.login('admin', DEMO.admin)

    // An owner with a demo password would be locked out by entering keys.
    const keys = () => {
      const pem = (key: 'private' | 'public') => {
        const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        return key === 'private'
          ? privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
          : publicKey.export({ type: 'spki', format: 'pem' }).toString()
      }
      return { ALIPAY_PRIVATE_KEY: pem('private'), ALIPAY_PUBLIC_KEY: pem('public') }
    }
    const values = {
      ...{ ALIPAY_APP_ID: '2021000000000000', ALIPAY_SELLER_ID: '2088000000000000' },
      ...{ ALIPAY_GATEWAY: 'https://gateway.invalid/gateway.do', ...keys() },
    }
    const store = () =>
      staff.call<Problem & { stored: boolean }>('POST', '/api/admin/payment-settings/alipay', { values, despite: true })
    const early = await store()
    expect([early.status, early.body.code]).toEqual([409, 'OWN_PASSWORD_FIRST'])
    const change = (current: string, password: string) =>
      staff.call<Problem>('POST', '/api/me/password', { current, password })
    expect((await change(DEMO.admin, DEMO.root)).body.code).toBe('PASSWORD_IS_DEMO')
    expect((await change(DEMO.admin, 'a password of her own')).status).toBe(204)
    expect((await store()).body).toMatchObject({ stored: true })

    // At once, in each of three processes.
    for (let time = 0; time < 12; time += 1) {
      expect((await shopSays(system)).demoAccounts).toEqual([])
      expect(await me(system, buyer.token ?? '')).toBe(401)
    }
    const refused = await logIn(system, 'root')
    expect([refused.status, refused.body.code]).toEqual([403, 'DEMO_PASSWORD'])
    expect((await staff.call('GET', '/api/admin/me')).status).toBe(200)

    // Beside a real merchant the sandbox takes no payments, and a payment made there grants no course.
    const said = await until(
      () => shopSays(system),
      ({ sandbox }) => !sandbox,
    )
    expect(said.sandboxBuyer).toBe(null)
    expect(said.payMethods.flatMap(({ name, offered }) => (offered ? [name] : []))).toEqual(['alipay'])
    expect(
      (await other.call('POST', '/api/orders', { courseIds: [1], totalAmount: '39.00', payType: 'wechat' })).status,
    ).toBe(422)
    await system.sandbox.pay(open.payUrl)
    await until(
      () => system.sql<{ accepted: boolean }>('select accepted from notifications'),
      (rows) => rows.length > 0,
    )
    expect(await system.sql('select 1 from notifications where accepted')).toEqual([])
    expect(await system.sql('select 1 from enrolments')).toEqual([])
  } finally {
    await system.stop()
  }
})

test('a former demo’s folder started in production has no demo account; its owner is created once with the code from the terminal', async () => {
  const dataDir = newFolder()
  const demo = await startSystem({ dataDir })
  const tokens = [(await logIn(demo, 'root')).body.token, (await logIn(demo, 'admin')).body.token]
  await demo.stop()
  const AUTH_SECRET = readFileSync(join(dataDir, 'keys/auth-secret'), 'utf8').trim()
  const production = { NODE_ENV: 'production', AUTH_SECRET }
  const system = await startSystem({ dataDir, environment: { ...production, DEMO: 'on' } })
  try {
    for (const name of ['root', 'admin'] as const) {
      const { status, body } = await logIn(system, name)
      expect([status, body.code]).toEqual([403, 'DEMO_PASSWORD'])
    }
    for (const token of tokens) expect(await me(system, token)).toBe(401)
    expect((await shopSays(system)).demoAccounts).toEqual([])
    expect(system.output()).not.toContain('123456')

    const code = /first-run#(\S+)/.exec(system.output())?.[1] ?? ''
    expect(code).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/)
    const anyone = system.client()
    const make = (username: string, given: string) =>
      anyone.call<Problem & { user: { role: string }; token: string }>('POST', '/api/first-run', {
        ...{ code: given, username, password: 'a password of her own' },
      })
    const isOpen = async () => (await anyone.call<{ open: boolean }>('GET', '/api/first-run')).body.open
    expect(await isOpen()).toBe(true)
    expect((await make('the-owner', 'WRON-GWRO-NGWR-ONGW')).body.code).toBe('FIRST_RUN_CODE')
    expect((await make('admin', code)).body.code).toBe('USERNAME_TAKEN')
    // Typed by hand, and by two people at once.
    const typed = code.toLowerCase().replaceAll('-', ' ')
    const both = await Promise.all([make('owner-one', code), make('owner-two', typed)])
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409])
    const made = both.find(({ status }) => status === 201)?.body
    expect(made?.user.role).toBe('owner')
    expect(await me(system, made?.token ?? '')).toBe(200)
    expect(await isOpen()).toBe(false)
    expect((await make('owner-three', code)).body.code).toBe('FIRST_RUN_CLOSED')
    expect(
      await system.sql("select 1 from audit_log where action = 'staff.create' and after @> '{\"firstRun\": true}'"),
    ).toHaveLength(1)

    // How to get back into the demo's own account.
    const said = command(system, production, 'users', 'password', '--username', 'Admin')
    const password = /one-time password (\S+) /.exec(said)?.[1] ?? ''
    const admin = system.client()
    await admin.login('admin', password)
    expect((await admin.call<Problem>('GET', '/api/admin/me')).body.code).toBe('PASSWORD_DUE')
  } finally {
    await system.stop()
  }
  const again = await startSystem({ dataDir, environment: production })
  expect(again.output()).not.toContain('first-run')
  await again.stop()
})

test('the code: guesses are limited, an owner from the command line ends it, and each start makes another', async () => {
  const dataDir = newFolder()
  const environment = { PUBLIC_URL: 'https://shop.example' }
  const first = await startSystem({ dataDir, environment })
  const codeOf = (system: System) => /first-run#(\S+)/.exec(system.output())?.[1] ?? ''
  const before = codeOf(first)
  expect(await first.sql('select 1 from users union all select 1 from courses')).toEqual([])
  await first.stop()

  const system = await startSystem({ dataDir, environment })
  try {
    expect([codeOf(system) === '', codeOf(system) === before]).toEqual([false, false])
    const body = { username: 'the-owner', password: 'a password of her own' }
    const guess = (code: string) => system.client().call<Problem>('POST', '/api/first-run', { ...body, code })
    const codes = new Set<string>()
    for (let time = 0; time < 20; time += 1) codes.add((await guess(before)).body.code)
    expect([...codes]).toEqual(['FIRST_RUN_CODE'])
    const stopped = await guess(codeOf(system))
    expect([stopped.status, stopped.body.code]).toEqual([429, 'TOO_MANY_ATTEMPTS'])
    expect(Number(stopped.headers.get('retry-after'))).toBeGreaterThan(0)

    const passwordFile = join(dataDir, 'password')
    writeFileSync(passwordFile, 'a password of her own')
    const create = ['users', 'create', '--staff', 'owner', '--username', 'cli-owner', '--password-file', passwordFile]
    command(system, environment, ...create)
    expect((await guess(codeOf(system))).body.code).toBe('FIRST_RUN_CLOSED')
    const owner = await system.client().call('POST', '/api/session', {
      username: 'cli-owner',
      password: 'a password of her own',
    })

    // With https the cookie belongs to this host: browsers accept `__Host-` only with these attributes, from no other host.
    const cookies = owner.headers.getSetCookie()
    expect(cookies.map((cookie) => cookie.split('=')[0]).sort()).toEqual(['__Host-device', '__Host-session'])
    for (const cookie of cookies) {
      const attributes = cookie.split('; ').slice(1)
      expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']))
      expect(cookie).not.toContain('Domain')
    }
    const me = (cookie: string) => fetch(`${system.shopUrl}/api/me`, { headers: { cookie } })
    const session = cookies.find((cookie) => cookie.startsWith('__Host-session='))?.split(';')[0] ?? ''
    expect((await me(session)).status).toBe(200)
    expect((await me(session.replace('__Host-', ''))).status).toBe(401)
    expect((await me(session.replace('__Host-session', 'xuecheng_session'))).status).toBe(401)
    const out = await fetch(`${system.shopUrl}/api/session`, { method: 'DELETE', headers: { cookie: session } })
    expect(out.headers.getSetCookie().join()).toMatch(/^__Host-session=;.*Expires=Thu, 01 Jan 1970/)
  } finally {
    await system.stop()
  }
})
