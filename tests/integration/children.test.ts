/** The shop's child processes: sandbox and PostgreSQL get none of its secrets, and the sandbox stays on loopback. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { processesOf } from '../harness/processes.ts'
import { type System, startSystem } from '../harness/system.ts'

const secret = randomBytes(32).toString('base64url')
let system: System
beforeAll(async () => {
  const environment = { HOST: '0.0.0.0', AUTH_SECRET: secret, SOMETHING_ELSE: secret }
  system = await startSystem({ environment })
})
afterAll(() => system.stop())

test('the environments of the sandbox and PostgreSQL contain nothing of the shop’s', () => {
  const { sandbox, PostgreSQL, jobs } = processesOf(system.process.pid ?? 0)
  expect(environmentOf(jobs[0])).toContain(secret) // proves that the test can see a secret
  for (const pid of [sandbox[0], PostgreSQL[0]]) {
    const environment = environmentOf(pid)
    expect(environment).toContain('PATH=')
    expect(environment).not.toContain(secret)
    expect(environment).not.toMatch(/(^|\0)(AUTH_SECRET|DATABASE_URL|DATA_DIR|HOME|ALIPAY_\w+|WECHATPAY_\w+)=/)
  }
})

const environmentOf = (pid: number | undefined): string => readFileSync(`/proc/${pid}/environ`, 'utf8')

test('the shop listens on every address, the sandbox only on this machine', async () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address
  // A machine without a network still has another local address.
  const address = outside ?? '127.0.0.2'
  expect(await opens(address, system.shopUrl)).toBe(true)
  expect(await opens(address, system.sandboxUrl)).toBe(false)
  expect(await opens('127.0.0.1', system.sandboxUrl)).toBe(true)
})

function opens(host: string, url: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port: Number(new URL(url).port) })
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
