/** Puts the shop together: the parts that its web server, jobs and command line share. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createProofOfWork, type ProofOfWork } from '../auth/limits/proof-of-work.ts'
import { createDemoPasswordPolicy, type DemoPasswordPolicy } from '../auth/passwords/demo-passwords.ts'
import { createPrincipals, type Principals } from '../auth/principal.ts'
import { createSessions, type Sessions } from '../auth/sessions/sessions.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type Connection, connect, type Limits, type Wanted } from '../db/connect.ts'
import { createEncryption, type Encryption } from '../encryption.ts'
import { createSettingsKeeper, type SettingsKeeper } from '../payments/merchants/entered-settings.ts'
import { createDuplicateNotifications } from '../payments/notifications/duplicates.ts'
import { createUnverifiedQuota } from '../payments/notifications/unverified-quota.ts'
import type { Payments } from '../payments/payments.ts'
import { createProviders, type Providers } from '../payments/providers/registry.ts'
import { deriveKey, keepSecret, randomSecret } from '../secrets.ts'
import { createIdentityKeeper, type IdentityKeeper } from '../settings/identity.ts'

export interface Shop {
  readonly config: Config
  readonly connection: Connection
  readonly sessions: Sessions
  readonly principals: Principals
  readonly demo: DemoPasswordPolicy
  readonly providers: Providers
  readonly payments: Payments
  readonly encryption: Encryption
  readonly proofs: ProofOfWork
  /** A key for one purpose, derived from the shop's secret. */
  readonly keyFor: (purpose: string) => Buffer
  /** Loads payment settings that the owner entered, now and whenever they change. */
  readonly settings: SettingsKeeper
  readonly identity: IdentityKeeper
  /** The folder of uploaded files. */
  readonly uploadsFolder: string
  readonly log: Logger
  close(): Promise<void>
}

/** Opens the shop on a migrated database. */
export function openShop(
  config: Config,
  databaseUrl: string,
  log: Logger,
  connections = 10,
  wanted: Wanted = 'primary',
  limits?: Limits,
): Shop {
  const connection = connect(databaseUrl, connections, wanted, limits)
  const { db } = connection
  const clock = systemClock
  const secret = config.authSecret ?? keepSecret(join(config.dataDir, 'keys', 'auth-secret'), randomSecret).trim()
  const sessions = createSessions(db, secret, clock)
  const demo = createDemoPasswordPolicy(db, config)
  const principals = createPrincipals(sessions, config.publicUrl, demo)
  const providers = createProviders(config, clock, log)
  const { orderTtlMinutes } = config
  const [duplicates, quota] = [createDuplicateNotifications(db), createUnverifiedQuota(db)]
  const payments: Payments = {
    db,
    providers: providers.byName,
    principals,
    duplicates,
    quota,
    clock,
    orderTtlMinutes,
    log,
  }
  const encryption = createEncryption(secret)
  const keyFor = (purpose: string) => deriveKey(secret, purpose)
  const proofs = createProofOfWork(db, keyFor('proof of work').toString('base64url'), clock)
  const settings = createSettingsKeeper(db, encryption, providers, log)
  const identity = createIdentityKeeper(db, log)
  return {
    config,
    connection,
    sessions,
    principals,
    demo,
    providers,
    payments,
    encryption,
    proofs,
    keyFor,
    settings,
    identity,
    uploadsFolder: join(config.dataDir, 'uploads'),
    log,
    close: () => connection.close(),
  }
}
