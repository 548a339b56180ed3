/** A shop, its owner, and sessions of any age. */
import { afterAll, beforeAll } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem } from '../../harness/system.ts'

export let system: System

export let owner: ShopApi

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
  owner.password = undefined // it has only the token
}, 300_000)

afterAll(() => system.stop())

export const ago = (what: string) => `now() - interval '${what}'`

/** Ages the sessions of a member of staff. */
export const age = (username: string, set: string) =>
  system.sql(`update sessions set ${set} where user_id = (select id from users where username = $1)`, [username])

export const stale = (username: string) => age(username, `proved_at = ${ago('11 minutes')}`)

export const prove = (api: ShopApi, body: { password: string; code?: string }) =>
  api.call<{ until?: string; code?: string }>('POST', '/api/session/proof', body)

export async function member(name: string, role: string): Promise<ShopApi> {
  const api = system.client()
  await api.register(name)
  api.password = undefined
  await system.sql('update users set role = $1 where username = $2', [role, name])
  return api
}
