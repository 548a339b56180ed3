import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addressOf, readConfig, readSandboxPlace } from './config.ts'

test('nothing set gives a shop on this machine', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 8000,
    publicUrl: 'http://127.0.0.1:8000',
    production: false,
    demo: true,
    sandbox: { enabled: true, port: 8100 },
    orderTtlMinutes: 30,
  })
})

test.each([
  [{ PORT: '80a' }, /^PORT: "80a" is not a whole number.*Example: PORT=8000$/],
  [{ ORDER_TTL_MINUTES: '0' }, /^ORDER_TTL_MINUTES: /],
  [
    { ORDER_TTL_MINUTES: '10071' },
    /^ORDER_TTL_MINUTES: "10071" is not .* 10070: seven days less ten minutes is the most/,
  ],
  [{ PUBLIC_URL: 'shop.example' }, /^PUBLIC_URL: /],
  [{ DEMO: 'maybe' }, /^DEMO: /],
  [{ AUTH_SECRET: 'short' }, /^AUTH_SECRET: is shorter/],
  [{ NODE_ENV: 'production' }, /^AUTH_SECRET: is missing/],
  [{ DATABASE_URL: 'mysql://root:hunter2@h/d' }, /^DATABASE_URL: is not a PostgreSQL address/],
  [{ HOST: '127.0.0.1:8000' }, /^HOST: "127.0.0.1:8000" is neither .* Example: HOST=127.0.0.1$/],
  [{ HOST: 'not a host' }, /^HOST: /],
  [{ PORT: '9000', SANDBOX_PORT: '9000' }, /^SANDBOX_PORT: 9000 is the shop's own port .* SANDBOX_PORT=9100$/],
  [{ DATA_DIR: import.meta.filename }, /^DATA_DIR: .* is a file, not a folder\. Example: DATA_DIR=\.\/data$/],
  [{ DATA_DIR: join(import.meta.filename, 'below') }, /^DATA_DIR: .*config\.test\.ts is a file/],
])('a bad setting is named in one line: %j', (environment, line) => {
  expect(() => readConfig(environment)).toThrow(line)
})

test('an error never repeats a secret', () => {
  expect(() => readConfig({ DATABASE_URL: 'mysql://root:hunter2@h/d' })).not.toThrow(/hunter2/)
  expect(() => readConfig({ AUTH_SECRET: 'tooshortsecret' })).not.toThrow(/tooshortsecret/)
})

test('in production neither sandbox nor demo accounts are there unless asked for by name', () => {
  const secret = { NODE_ENV: 'production', AUTH_SECRET: 'x'.repeat(32) }
  expect(readConfig(secret)).toMatchObject({ demo: false, sandbox: { enabled: false } })
  expect(readConfig({ ...secret, DEMO: 'on', SANDBOX: 'on' })).toMatchObject({ demo: true, sandbox: { enabled: true } })
})

test('an address of IPv6 is written in brackets, and "every address" as one that can be called', () => {
  expect(readConfig({ HOST: '::' })).toMatchObject({ host: '::', publicUrl: 'http://[::1]:8000' })
  expect(readConfig({ HOST: '[::1]' })).toMatchObject({ host: '::1', publicUrl: 'http://[::1]:8000' })
  expect(readConfig({ HOST: '0.0.0.0' }).publicUrl).toBe('http://127.0.0.1:8000')
  expect(addressOf('shop.internal', 80)).toBe('http://shop.internal:80')
})

test('the sandbox alone needs none of the shop’s settings', () => {
  const environment = { NODE_ENV: 'production', DATABASE_URL: 'mysql://', SANDBOX_PORT: '8200', DATA_DIR: '/tmp/x' }
  expect(readSandboxPlace(environment)).toEqual({ host: '127.0.0.1', port: 8200, dataDir: '/tmp/x' })
})
