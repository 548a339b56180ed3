/** Hundreds of buyers, each placing one order after another. */
import { randomUUID } from 'node:crypto'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import type { Merchant } from './check.ts'
import { patiently, persist } from './client.ts'
import type { Random } from './random.ts'
import { SCENARIO_WEIGHTS, SCENARIOS } from './scenarios.ts'
import type { Course, Visit } from './visit.ts'

export interface Load {
  readonly orders: number
  readonly scenarios: Readonly<Record<string, number>>
  /** Unexpected answers. */
  readonly surprises: readonly string[]
}

export interface LoadOptions {
  readonly system: System
  readonly random: Random
  readonly courses: readonly Course[]
  readonly orders: number
  readonly buyers: number
  readonly merchant: Merchant
  readonly progress: (done: number) => void
  /** Called once when the last order has started. */
  readonly allBegun: () => void
}

export async function runLoad(options: LoadOptions): Promise<Load> {
  const { system, random, courses, orders, buyers, merchant, progress } = options
  const staff = system.client()
  await persist(() => staff.login('admin', 'admin123456'))
  const scenarios: Record<string, number> = {}
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
      const scenario = draw.weighted(SCENARIO_WEIGHTS)
      scenarios[scenario] = (scenarios[scenario] ?? 0) + 1
      const visit: Visit = { system, api, staff, draw, courses, owned, surprises, merchant }
      try {
        await SCENARIOS[scenario](visit)
      } catch (error) {
        surprises.push(`${scenario}: ${error instanceof Error ? error.message : String(error)}`)
      }
      done += 1
      progress(done)
    }
  })
  await Promise.all(lives)
  return { orders: done, scenarios, surprises }
}

/** How many of a hundred buyers use a phone: they get an address to open where a computer shows a code. */
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
  // If the first answer was lost, the name is already taken, by this buyer.
  if (answer.token) api.token = answer.token
  else await persist(() => api.login(username, body.password))
  return api
}
