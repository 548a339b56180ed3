/** A shop, its owner, and the entries of the audit log. */
import { afterAll, beforeAll, expect } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem } from '../../harness/system.ts'

export interface Line {
  readonly id: number
  readonly username: string
  readonly address: string
  readonly action: string
  readonly before: Record<string, unknown> | null
  readonly after: Record<string, unknown> | null
}

export let system: System

export let owner: ShopApi

export const done = new Set<string>()

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
}, 300_000)

afterAll(() => system.stop())

/** Calls the back office. @returns its answer and the audit entry that it wrote */
export async function did<Body = { id: number }>(
  key: string,
  path: string,
  body?: unknown,
  api = owner,
): Promise<Body & { line: Line }> {
  const [before] = await system.sql<{ id: number }>('select coalesce(max(id), 0)::int as id from audit_log')
  const [method = ''] = key.split(' ')
  const answer = await api.call<Body>(method, `/api/admin/${path}`, body)
  if (answer.status >= 300) throw new Error(`${key}: ${answer.status} ${JSON.stringify(answer.body)}`)
  const lines = await system.sql<Line>('select * from audit_log where id > $1 order by id', [before?.id])
  expect([key, lines.length]).toEqual([key, 1])
  expect([key, lines[0]?.address]).toEqual([key, '127.0.0.1'])
  done.add(key)
  return { ...answer.body, line: lines[0] as Line }
}

export const at = (method: string, path: string) => `${method} /api/admin/${path}`

export const reason = 'because'
