import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addressOf, type Environment, readConfig as read, readSandboxPlace, sandboxAddress } from './config.ts'
import { hasRealMerchant } from './payments/providers/methods.ts'

const readConfig = (environment: Environment) => read(environment, hasRealMerchant)

test('without settings the shop runs on this machine', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 8000,
    publicUrl: 'http://127.0.0.1:8000',
    production: false,
    demo: true,
    sandbox: { enabled: true, host: '127.0.0.1', port: 8100, allowedHosts: [] },
    orderTtlMinutes: 30,
  })
})

test.each([
  [{ PORT: '80a' }, /^PORT: "80a" is not a whole number.*Example: PORT=8000$/],
  ...['0', '2', '4', '4.5', '-5'].map((ORDER_TTL_MINUTES): [Environment, RegExp] => [
    { ORDER_TTL_MINUTES },
    /^ORDER_TTL_MINUTES: .* from 5 to 10070.*less than 5 leaves no time to pay\. Example: ORDER_TTL_MINUTES=30$/,
  ]),
  [
    { ORDER_TTL_MINUTES: '10071' },
    /^ORDER_TTL_MINUTES: "10071" is not .* 10070: seven days less ten minutes is the most/,
  ],
  ...[
    ...['shop.example', 'ftp://shop.example', 'https://', 'https:///shop', 'https:shop.example', 'https://a b', '//h'],
    ...['https://shop.example/shop', 'https://shop.example//', 'https://shop.example/?', 'https://shop.example/#top'],
    ...['https://0.0.0.0', 'http://[::]:8000', 'https://shop.example:0', 'https://*.shop.example', 'https://h:99999'],
  ].map((PUBLIC_URL): [Environment, RegExp] => [
    { PUBLIC_URL },
    /^PUBLIC_URL: "[^"\n]+" [^\n]+\. Example: PUBLIC_URL=https:\/\/shop\.example$/,
  ]),
  [{ PUBLIC_URL: 'https://me:hunter2@shop.example' }, /^PUBLIC_URL: an address with a user name [^:]+: PUBLIC_URL=/],
  [{ DEMO: 'maybe' }, /^DEMO: /],
  [{ AUTH_SECRET: 'short' }, /^AUTH_SECRET: is shorter/],
  [{ NODE_ENV: 'production' }, /^AUTH_SECRET: is missing/],
  [{ DATABASE_URL: 'mysql://root:hunter2@h/d' }, /^DATABASE_URL: is not a PostgreSQL address/],
  [{ HOST: '127.0.0.1:8000' }, /^HOST: "127.0.0.1:8000" is neither .* Example: HOST=127.0.0.1$/],
  [{ HOST: 'not a host' }, /^HOST: /],
  [{ SANDBOX_HOST: 'not a host' }, /^SANDBOX_HOST: /],
  [{ SANDBOX_ALLOWED_HOSTS: 'laptop.lan,*' }, /^SANDBOX_ALLOWED_HOSTS: "\*" is neither .*=sandbox\.internal$/],
  [{ PORT: '9000', SANDBOX_PORT: '9000' }, /^SANDBOX_PORT: 9000 is the shop's own port .* SANDBOX_PORT=9100$/],
  [
    { METRICS_PORT: 'on' },
    /^METRICS_PORT: "on" is not a whole number from 0 to 65535, and not off\. Example: METRICS_PORT=9100$/,
  ],
  [
    { METRICS_PORT: '8000' },
    /^METRICS_PORT: 8000 is the shop's or the sandbox's own port\. Example: METRICS_PORT=8200$/,
  ],
  [{ METRICS_HOST: 'not a host' }, /^METRICS_HOST: /],
  [{ DATA_DIR: import.meta.filename }, /^DATA_DIR: .* is a file, not a folder\. Example: DATA_DIR=\.\/data$/],
  [{ DATA_DIR: join(import.meta.filename, 'below') }, /^DATA_DIR: .*config\.test\.ts is a file/],
])('a bad setting is reported in one line: %j', (environment, line) => {
  expect(() => readConfig(environment)).toThrow(line)
})

test('metrics are on loopback by default, elsewhere if configured, and may be off', () => {
  expect(readConfig({}).metrics).toEqual({ host: '127.0.0.1', port: 9100, asked: false })
  // A shop on the default port of the metrics has none, and starts.
  expect(readConfig({ PORT: '9100' }).metrics).toMatchObject({ port: 9100, asked: false })
  expect(readConfig({ METRICS_PORT: '9200', METRICS_HOST: '10.0.0.11' }).metrics).toEqual({
    host: '10.0.0.11',
    port: 9200,
    asked: true,
  })
  expect(readConfig({ METRICS_PORT: 'off' }).metrics.port).toBeUndefined()
})

test('an error never repeats a secret', () => {
  expect(() => readConfig({ DATABASE_URL: 'mysql://root:hunter2@h/d' })).not.toThrow(/hunter2/)
  expect(() => readConfig({ AUTH_SECRET: 'tooshortsecret' })).not.toThrow(/tooshortsecret/)
  expect(() => readConfig({ PUBLIC_URL: 'https://me:hunter2@shop.example' })).not.toThrow(/hunter2/)
})

test('in production sandbox and demo accounts are off unless configured', () => {
  const secret = { NODE_ENV: 'production', AUTH_SECRET: 'x'.repeat(32) }
  expect(readConfig(secret)).toMatchObject({ demo: false, sandbox: { enabled: false } })
  expect(readConfig({ ...secret, DEMO: 'on', SANDBOX: 'on' })).toMatchObject({ demo: true, sandbox: { enabled: true } })
})

test.each([
  [{ PUBLIC_URL: 'https://shop.example' }],
  [{ PUBLIC_URL: 'http://192.168.1.5:8000' }],
  [{ PUBLIC_URL: 'https://127.0.0.1.shop.example' }],
  [{ ALIPAY_APP_ID: '2021000120612450' }],
  [{ ALIPAY_PRIVATE_KEY_FILE: './key.pem', ALIPAY_GATEWAY: 'https://openapi-sandbox.dl.alipaydev.com/gateway.do' }],
  [{ WECHATPAY_MCH_ID: '1900000001', WECHATPAY_BASE_URL: 'nonsense' }],
  [{ WECHATPAY_MCH_ID: '1900000001', ALIPAY_GATEWAY: 'http://127.0.0.1:8100/gateway.do' }],
])('live without NODE_ENV, and so without sandbox and demo: %j', (environment) => {
  expect(readConfig(environment)).toMatchObject({ live: true, demo: false, sandbox: { enabled: false } })
  expect(readConfig({ ...environment, DEMO: 'on', SANDBOX: 'on' })).toMatchObject({
    live: true,
    sandbox: { enabled: true },
  })
})

test.each([
  [{}],
  [{ HOST: '0.0.0.0' }],
  [{ HOST: '192.168.1.5' }],
  [{ PUBLIC_URL: 'http://localhost:8000' }],
  [{ PUBLIC_URL: 'http://[::1]:8000/' }],
  [{ PUBLIC_URL: 'http://shop.localhost' }],
  [{ ALIPAY_APP_ID: '2021000120612450', ALIPAY_GATEWAY: 'http://127.0.0.1:8100/gateway.do' }],
  [{ ALIPAY_FEE_RATE: '0.6%' }],
])('not live: %j', (environment) => {
  expect(readConfig(environment)).toMatchObject({ live: false, demo: true, sandbox: { enabled: true } })
})

test('the public address is an origin', () => {
  expect(readConfig({ PUBLIC_URL: 'https://Shop.Example:443/' }).publicUrl).toBe('https://shop.example')
  expect(readConfig({ PUBLIC_URL: 'https://学城.example' }).publicUrl).toBe('https://xn--uis96f.example')
})

test('an IPv6 address is written in brackets, and "all addresses" as one that can be called', () => {
  expect(readConfig({ HOST: '::' })).toMatchObject({ host: '::', publicUrl: 'http://[::1]:8000' })
  expect(readConfig({ HOST: '[::1]' })).toMatchObject({ host: '::1', publicUrl: 'http://[::1]:8000' })
  expect(readConfig({ HOST: '0.0.0.0' }).publicUrl).toBe('http://127.0.0.1:8000')
  expect(addressOf('shop.internal', 80)).toBe('http://shop.internal:80')
})

test('the sandbox alone needs none of the shop’s settings', () => {
  const environment = { NODE_ENV: 'production', DATABASE_URL: 'mysql://', SANDBOX_PORT: '8200', DATA_DIR: '/tmp/x' }
  const place = { host: '127.0.0.1', port: 8200, allowedHosts: [], dataDir: '/tmp/x' }
  expect(readSandboxPlace(environment)).toEqual(place)
})

test('the sandbox stays on this machine when the shop does not, unless its own settings say otherwise', () => {
  const { sandbox } = readConfig({ HOST: '0.0.0.0' })
  expect([sandbox.host, sandboxAddress({ sandbox })]).toEqual(['127.0.0.1', 'http://127.0.0.1:8100'])
  const asked = readConfig({ SANDBOX_HOST: '[::]', SANDBOX_ALLOWED_HOSTS: 'sandbox.internal, laptop.lan' }).sandbox
  expect([asked.host, asked.allowedHosts]).toEqual(['::', ['sandbox.internal', 'laptop.lan']])
})
