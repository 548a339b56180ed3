import { expect, test } from 'vitest'
import { readConfig } from './config.ts'

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
