/** Hundreds of buyers, each with a life of orders, one after the other. */
import { randomUUID } from 'node:crypto'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import type { Merchant } from './check.ts'
import { patiently, persist } from './client.ts'
import { PLAYS, SCRIPTS } from './plays.ts'
import type { Random } from './random.ts'
import type { Course, Visit } from './visit.ts'

export interface Crowd {
  readonly orders: number
  readonly deeds: Readonly<Record<string, number>>
  /** Unexpected answers, in words. */
  readonly surprises: readonly string[]
}

export interface CrowdOptions {
  readonly system: System
  readonly random: Random
  readonly courses: readonly Course[]
  readonly orders: number
  readonly buyers: number
  readonly merchant: Merchant
  readonly progress: (done: number) => void
  /** Called once when the last order has been begun. */
  readonly allBegun: () => void
}

export async function runCrowd(options: CrowdOptions): Promise<Crowd> {
  const { system, random, courses, orders, buyers, merchant, progress } = options
  const staff = system.client()
  await persist(() => staff.login('admin', 'admin123456'))
  const deeds: Record<string, number> = {}
  const surprises: string[] = []
  let begun = 0
  let done = 0
  const lives = Array.from({ length: buyers }, async () => {
    const draw = random.fork()
    const api = await register(system, draw.chance(PHONES))
    const owned = new Set<number>()
    while (begun < orders) {
      begun += 1
      if (begun === orders) options.allBegun()
      const script = draw.weighted(SCRIPTS)
      deeds[script] = (deeds[script] ?? 0) + 1
      const visit: Visit = { system, api, staff, draw, courses, owned, surprises, merchant }
      try {
        await PLAYS[script](visit)
      } catch (error) {
        surprises.push(`${script}: ${error instanceof Error ? error.message : String(error)}`)
      }
      done += 1
      progress(done)
    }
  })
  await Promise.all(lives)
  return { orders: done, deeds, surprises }
}

/** How many of a hundred buyers hold a phone: they are sent to an address where a computer shows a code. */
const PHONES = 30
const PHONE = { 'user-agent': 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Mobile Safari/537.36' }

async function register(system: System, phone: boolean): Promise<ShopApi> {
  const api = system.client()
  if (phone) {
    const { call } = api
    api.call = (method, path, body, headers) => call(method, path, body, { ...PHONE, ...headers })
  }
  const username = `p${randomUUID().slice(0, 13)}`
  const body = { username, password: 'a long password' }
  const { body: answer } = await patiently<{ token?: string }>(api, 'POST', '/api/users', body)
  // Where the first answer was lost, the name is taken: by us.
  if (answer.token) api.token = answer.token
  else await persist(() => api.login(username, body.password))
  return api
}
