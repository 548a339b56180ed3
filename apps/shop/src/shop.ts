/** The shop, put together: what its web server, its jobs and its command line all stand on. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createSessions, type Sessions } from './accounts/sessions.ts'
import { createViewers, type Viewers } from './accounts/viewer.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { type Connection, connect, type Limits, type Wanted } from './database/connect.ts'
import { createSettingsKeeper, type SettingsKeeper } from './payments/entered-settings.ts'
import type { Payments } from './payments/payments.ts'
import { createProviders, type Providers } from './payments/providers/registry.ts'
import { createRepeats } from './payments/repeated.ts'
import { createSeal, type Seal } from './sealed.ts'
import { keepSecret, randomSecret } from './secrets.ts'
import { createIdentityKeeper, type IdentityKeeper } from './settings/identity.ts'

export interface Shop {
  readonly config: Config
  readonly connection: Connection
  readonly sessions: Sessions
  readonly viewers: Viewers
  readonly providers: Providers
  readonly payments: Payments
  readonly seal: Seal
  /** Takes up payment settings that the owner entered, now and whenever they change. */
  readonly settings: SettingsKeeper
  readonly identity: IdentityKeeper
  /** Where uploaded files lie. */
  readonly uploadsFolder: string
  readonly log: Logger
  close(): Promise<void>
}

/** Opens the shop over a database that is migrated. */
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
  const viewers = createViewers(sessions, config.publicUrl)
  const providers = createProviders(config, clock, log)
  const { orderTtlMinutes } = config
  const repeats = createRepeats(db)
  const payments: Payments = { db, providers: providers.byName, viewers, repeats, clock, orderTtlMinutes, log }
  const seal = createSeal(secret)
  const settings = createSettingsKeeper(db, seal, providers, log)
  const identity = createIdentityKeeper(db, log)
  return {
    config,
    connection,
    sessions,
    viewers,
    providers,
    payments,
    seal,
    settings,
    identity,
    uploadsFolder: join(config.dataDir, 'uploads'),
    log,
    close: () => connection.close(),
  }
}
