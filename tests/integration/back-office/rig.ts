/** The shop whose back office is tested, and what its pages read. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem } from '../../harness/system.ts'

export let system: System

export let staff: ShopApi

beforeAll(async () => {
  system = await startSystem()
  staff = system.client()
  await staff.login('admin', 'admin123456')
})

afterAll(() => system.stop())

export interface Notification {
  readonly id: number
  readonly accepted: boolean
  readonly effect: string
  readonly reason: string | null
  readonly orderNo: string | null
  readonly bodyText: string
  readonly headers: Record<string, string>
  readonly checks: { check: string; passed: boolean }[]
  readonly handlings: { by: string; accepted: boolean; effect: string; reason: string | null }[]
}

interface Health {
  readonly checks: {
    check: string
    title: string
    count: number
    ok: boolean
    items: { orderNo: string | null; link: string }[]
  }[]
}

export const health = async () => {
  const { body } = await staff.call<Health>('GET', '/api/admin/money-health', undefined, { 'accept-language': 'en' })
  return Object.fromEntries(body.checks.map((check) => [check.check, check]))
}

export const latest = async (q: string) => {
  const { body } = await staff.call<{ items: Notification[] }>('GET', `/api/admin/notifications?q=${q}`)
  const id = body.items[0]?.id
  return (await staff.call<Notification>('GET', `/api/admin/notifications/${id}`)).body
}

const flags = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']

export const cli = (...args: string[]) =>
  promisify(execFile)(
    process.execPath,
    [...flags, join(import.meta.dirname, '../../../apps/shop/src/cli.ts'), ...args],
    {
      cwd: system.dataDir,
      env: { ...process.env, DATA_DIR: system.dataDir, SANDBOX_PORT: new URL(system.sandboxUrl).port },
    },
  ).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )
