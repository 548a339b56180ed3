/** Puts the shop together: the parts that its web server, jobs and command line share. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createProofOfWork } from '../auth/limits/proof-of-work.ts'
import { createDemoPasswordPolicy } from '../auth/passwords/demo-passwords.ts'
import { createPrincipals } from '../auth/principal.ts'
import { createSessions } from '../auth/sessions/sessions.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { connect, type Limits, type Wanted } from '../db/connect.ts'
import { createEncryption } from '../encryption.ts'
import { createSettingsKeeper } from '../payments/merchants/entered-settings.ts'
import { createDuplicateNotifications } from '../payments/notifications/duplicates.ts'
import { createUnverifiedQuota } from '../payments/notifications/unverified-quota.ts'
import type { Payments } from '../payments/payments.ts'
import { createProviders } from '../payments/providers/registry.ts'
import { deriveKey, keepSecret, randomSecret } from '../secrets.ts'
import { createIdentityKeeper } from '../settings/identity.ts'

/** The parts of the shop. */
export type Shop = ReturnType<typeof openShop>

/** Opens the shop on a migrated database. */
export function openShop(
  config: Config,
  databaseUrl: string,
  log: Logger,
  connections = 10,
  wanted: Wanted = 'primary',
  limits?: Limits,
) {
  const connection = connect(databaseUrl, connections, wanted, limits)
  const { db } = connection
  const clock = systemClock
  const secret = config.authSecret ?? keepSecret(join(config.dataDir, 'keys', 'auth-secret'), randomSecret).trim()
  const sessions = createSessions(db, secret, clock)
  const demo = createDemoPasswordPolicy(db, config)
  const principals = createPrincipals(sessions, config.publicUrl, demo)
  const providers = createProviders(config, clock, log)
  const encryption = createEncryption(secret)
  /** A key for one purpose, derived from the shop's secret. */
  const keyFor = (purpose: string) => deriveKey(secret, purpose)
  const payments: Payments = {
    db,
    providers: providers.byName,
    principals,
    duplicates: createDuplicateNotifications(db),
    quota: createUnverifiedQuota(db),
    clock,
    orderTtlMinutes: config.orderTtlMinutes,
    log,
  }
  return {
    config,
    connection,
    sessions,
    principals,
    demo,
    providers,
    payments,
    encryption,
    proofs: createProofOfWork(db, keyFor('proof of work').toString('base64url'), clock),
    keyFor,
    /** Loads payment settings that the owner entered, now and whenever they change. */
    settings: createSettingsKeeper(db, encryption, providers, log),
    identity: createIdentityKeeper(db, log),
    uploadsFolder: join(config.dataDir, 'uploads'),
    log,
    close: () => connection.close(),
  }
}
