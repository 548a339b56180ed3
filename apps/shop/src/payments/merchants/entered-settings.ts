/**
 * Payment settings that the owner entered: stored encrypted, and loaded by every process as soon as they change. A
 * change is published to all processes; a check every few seconds covers lost messages.
 */
import { type Selectable, sql } from 'kysely'
import type { Logger } from 'pino'
import type { Environment } from '../../config.ts'
import type { Database, Reader, Transaction } from '../../db/connect.ts'
import { keepUp, publishAfterCommit, type Subscriptions } from '../../db/pub-sub.ts'
import type { Tables } from '../../db/tables.generated.ts'
import type { Encryption } from '../../encryption.ts'
import { ShopError } from '../../errors.ts'
import { type ProviderDefinition, showSettings } from '../providers/definition.ts'
import type { EnteredSettings, Providers } from '../providers/registry.ts'
import { giveUpPayments, type Unsettled } from './unsettled.ts'

const PURPOSE = 'payment settings'
const LOOK_EVERY_MS = 3000

/** @throws Error when they were encrypted with another secret */
const opened = (encryption: Encryption, sealed: string): Environment =>
  JSON.parse(encryption.decrypt(PURPOSE, sealed)) as Environment

/** The settings in use, by provider; undefined for those that were encrypted with another secret. */
export async function enteredSettingsInUse(
  db: Reader,
  encryption: Encryption,
): Promise<ReadonlyMap<string, Environment | undefined>> {
  const inUse = db.selectFrom('payment_settings').select(['provider', 'sealed']).where('retired_at', 'is', null)
  const open = (sealed: string) => {
    try {
      return opened(encryption, sealed)
    } catch {
      return undefined
    }
  }
  return new Map((await inUse.execute()).map(({ provider, sealed }) => [provider, open(sealed)]))
}

export interface SettingsKeeper {
  /** Loads the stored settings if they have changed. */
  refresh(): Promise<void>
  /** Keeps them up to date from now on. @returns a function that stops it */
  keepUp(subscriptions?: Subscriptions): () => void
  /** Stored settings that cannot be decrypted: they were encrypted with another secret. */
  readonly unreadable: ReadonlySet<number>
}

export function createSettingsKeeper(
  db: Database,
  encryption: Encryption,
  providers: Providers,
  log: Logger,
): SettingsKeeper {
  let known: string | undefined
  let unreadable = new Set<number>()
  let running: Promise<void> | undefined

  async function look(): Promise<void> {
    const { rows } = await sql<{ state: string }>`
      select coalesce(string_agg(id || case when retired_at is null then '+' else '-' end, ',' order by id), '') as state
      from payment_settings`.execute(db)
    const state = rows[0]?.state ?? ''
    if (state === known) return
    const stored = await db.selectFrom('payment_settings').selectAll().orderBy('id', 'desc').execute()
    const entered = stored.map(({ id, provider, sealed, retired_at }): EnteredSettings => {
      const inUse = retired_at === null
      try {
        return { id, provider, values: opened(encryption, sealed), inUse }
      } catch {
        log.error(
          { settings: id, provider },
          'stored payment settings cannot be decrypted: the shop has another secret now',
        )
        return { id, provider, values: undefined, inUse }
      }
    })
    providers.take(entered)
    unreadable = new Set(entered.flatMap(({ id, values }) => (values ? [] : [id])))
    known = state
  }

  const refresh = async () => {
    // A check that is already running may have missed a change made meanwhile, so start another one after it.
    while (running) await running.catch(() => {})
    running = look()
    try {
      await running
    } finally {
      running = undefined
    }
  }

  return {
    refresh,
    keepUp(subscriptions) {
      const quietly = () => {
        if (!running)
          refresh().catch((error: unknown) =>
            log.warn({ err: error }, 'payment settings could not be checked for changes'),
          )
      }
      const changed = () => void refresh().catch(() => {})
      return keepUp({ everyMs: LOOK_EVERY_MS, look: quietly, subscriptions, channel: 'settings_changed', changed })
    },
    get unreadable() {
      return unreadable
    },
  }
}

/**
 * Stores settings that passed the check and retires the ones in use, which stay for payments made with them.
 * @returns the retired ones, masked
 */
export async function storeSettings(
  tx: Transaction,
  encryption: Encryption,
  entered: { method: ProviderDefinition; values: Environment; real: boolean; userId: number; now: Date },
): Promise<ShownSettings | undefined> {
  const { method, values, real, userId, now } = entered
  const former = await retireSettings(tx, method.name, now)
  await tx
    .insertInto('payment_settings')
    .values({
      provider: method.name,
      sealed: encryption.encrypt(PURPOSE, JSON.stringify(values)),
      shown: JSON.stringify(showSettings(method.fields, values)),
      entered_by: userId,
      entered_at: now,
      real_gateway: real,
    })
    .execute()
  await publishAfterCommit(tx, 'settings_changed', method.name)
  return former
}

type ShownSettings = Selectable<Tables['payment_settings']>['shown']

/** Retires the settings in use. @returns them, masked, if there were any */
export async function retireSettings(tx: Transaction, provider: string, now: Date): Promise<ShownSettings | undefined> {
  const retired = await tx
    .updateTable('payment_settings')
    .set({ retired_at: now })
    .where('provider', '=', provider)
    .where('retired_at', 'is', null)
    .returning('shown')
    .executeTakeFirst()
  if (retired) await publishAfterCommit(tx, 'settings_changed', provider)
  return retired?.shown
}

/**
 * Deletes retired settings for good: payments made with them can no longer be queried.
 * @param onlyTheirs reads what is unsettled at the merchant that only these settings know
 * @returns them, masked, with the payments that are given up
 * @throws ShopError SETTINGS_STILL_NEEDED unless the owner gives up what is unsettled there, which is never a refund
 */
export async function forgetSettings(
  tx: Transaction,
  { id, giveUp, userId, now }: { id: number; giveUp: boolean; userId: number; now: Date },
  onlyTheirs: (provider: string) => Promise<Unsettled>,
): Promise<{ provider: string; shown: ShownSettings; givenUp: readonly string[] } | undefined> {
  const former = await tx.selectFrom('payment_settings').select('provider').where('id', '=', id).executeTakeFirst()
  if (!former) return undefined
  // Locked, so that two concurrent deletions do not each rely on the other's settings.
  await tx
    .selectFrom('payment_settings')
    .select('id')
    .where('provider', '=', former.provider)
    .orderBy('id')
    .modifyEnd(sql`for update`)
    .execute()
  const unsettled = await onlyTheirs(former.provider)
  if (unsettled.refunds.length > 0 || (unsettled.payments.length > 0 && !giveUp)) {
    throw new ShopError('SETTINGS_STILL_NEEDED')
  }
  const gone = await tx
    .deleteFrom('payment_settings')
    .where('id', '=', id)
    .where('retired_at', 'is not', null)
    .returning(['provider', 'shown'])
    .executeTakeFirst()
  if (!gone) return undefined
  await giveUpPayments(tx, unsettled, { now, userId })
  await publishAfterCommit(tx, 'settings_changed', gone.provider)
  return { ...gone, givenUp: unsettled.payments }
}
