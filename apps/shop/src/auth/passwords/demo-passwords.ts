/**
 * The demo's passwords, which are public. A live shop never accepts them; a test shop accepts them from its own machine
 * only, unless `DEMO=on`.
 */
import type { FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import type { Config } from '../../config.ts'
import type { Reader } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { isFromThisMachine } from '../../http/addresses/this-machine.ts'
import type { Role } from '../sessions/sessions.ts'

export const DEMO_ACCOUNTS: readonly { username: string; password: string; role: Role }[] = [
  { username: 'root', password: 'zxc123456', role: 'buyer' },
  { username: 'admin', password: 'admin123456', role: 'owner' },
]

export const DEMO_PASSWORDS: readonly string[] = DEMO_ACCOUNTS.map(({ password }) => password)

/** In any spelling: full-width letters are the same password. */
export const isDemoPassword = (password: string): boolean => DEMO_PASSWORDS.includes(password.normalize('NFKC').trim())

/** Why a demo password is refused. */
export type DemoRefusal = 'DEMO_PASSWORD' | 'DEMO_PASSWORD_ELSEWHERE'

/** Decides for each request whether demo passwords are accepted and shown. */
export interface DemoPasswordPolicy {
  /** Undefined if they are accepted. */
  refusal(request: FastifyRequest): Promise<DemoRefusal | undefined>
}

/** For a shop without a demo. */
export const CLOSED: DemoPasswordPolicy = { refusal: async () => 'DEMO_PASSWORD' }

/**
 * Queries the database each time, which is rare: keys entered in any process on any machine count from the moment they
 * are stored.
 */
export function createDemoPasswordPolicy(
  db: Reader,
  { live, demo, demoByName, trustedProxies }: Pick<Config, 'live' | 'demo' | 'demoByName' | 'trustedProxies'>,
): DemoPasswordPolicy {
  return {
    async refusal(request) {
      if (live || !demo) return 'DEMO_PASSWORD'
      if (!demoByName && !isFromThisMachine(request, trustedProxies)) return 'DEMO_PASSWORD_ELSEWHERE'
      return (await hasRealMerchantEntered(db)) ? 'DEMO_PASSWORD' : undefined
    },
  }
}

/** @throws ShopError DEMO_PASSWORD, DEMO_PASSWORD_ELSEWHERE */
export async function refuseDemoPassword(policy: DemoPasswordPolicy, request: FastifyRequest): Promise<void> {
  const refusal = await policy.refusal(request)
  if (refusal) throw new ShopError(refusal)
}

/** @throws ShopError DEMO_PASSWORD */
export const refuseAlways = async (): Promise<void> => {
  throw new ShopError('DEMO_PASSWORD')
}

/** @throws ShopError PASSWORD_IS_DEMO */
export function refuseAsNewPassword(password: string): void {
  if (isDemoPassword(password)) throw new ShopError('PASSWORD_IS_DEMO')
}

/** Whether keys of a real merchant are stored, in use or retired. */
export async function hasRealMerchantEntered(db: Reader): Promise<boolean> {
  const { rows } = await sql<{ real: boolean }>`
    select exists (select from payment_settings where real_gateway) as real`.execute(db)
  return rows[0]?.real !== false
}

/** Whether the shop is live now, by its settings or by stored keys. */
export const isLiveNow = async (db: Reader, { live }: Pick<Config, 'live'>): Promise<boolean> =>
  live || (await hasRealMerchantEntered(db))
