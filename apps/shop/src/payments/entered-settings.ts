/**
 * Payment settings that the owner entered: kept sealed, and taken up by every process as soon as they change. Word of a
 * change comes by announcement; a look every few seconds finds what word was lost of.
 */
import { type Selectable, sql } from 'kysely'
import type { Logger } from 'pino'
import type { Environment } from '../config.ts'
import { type Announcements, announcement } from '../database/announcements.ts'
import type { Database, Reader, Transaction } from '../database/connect.ts'
import type { Tables } from '../database/tables.ts'
import { ShopError } from '../errors.ts'
import type { Seal } from '../sealed.ts'
import { type ProviderKind, showSettings } from './providers/kind.ts'
import type { EnteredSettings, Providers } from './providers/registry.ts'

const PURPOSE = 'payment settings'
const LOOK_EVERY_MS = 3000

/** @throws Error when they were sealed with another secret */
const opened = (seal: Seal, sealed: string): Environment => JSON.parse(seal.open(PURPOSE, sealed)) as Environment

/** What is in use just now, by provider; undefined for what does not open: it was sealed with another secret. */
export async function settingsInUse(db: Reader, seal: Seal): Promise<ReadonlyMap<string, Environment | undefined>> {
  const inUse = db.selectFrom('payment_settings').select(['provider', 'sealed']).where('retired_at', 'is', null)
  const open = (sealed: string) => {
    try {
      return opened(seal, sealed)
    } catch {
      return undefined
    }
  }
  return new Map((await inUse.execute()).map(({ provider, sealed }) => [provider, open(sealed)]))
}

export interface SettingsKeeper {
  /** Takes up what is stored, if it has changed. */
  refresh(): Promise<void>
  /** Keeps up from now on; returns how to stop. */
  keepUp(announcements?: Announcements): () => void
  /** Stored settings that do not open: they were sealed with another secret. */
  readonly unreadable: ReadonlySet<number>
}

export function createSettingsKeeper(db: Database, seal: Seal, providers: Providers, log: Logger): SettingsKeeper {
  let known = ''
  let unreadable = new Set<number>()
  let running: Promise<void> | undefined

  async function look(): Promise<void> {
    const { rows } = await sql<{ state: string }>`
      select coalesce(string_agg(id || case when retired_at is null then '+' else '-' end, ',' order by id), '') as state
      from payment_settings`.execute(db)
    const state = rows[0]?.state ?? ''
    if (state === known) return
    const stored = await db.selectFrom('payment_settings').selectAll().orderBy('id', 'desc').execute()
    const closed = new Set<number>()
    const entered = stored.flatMap(({ id, provider, sealed, retired_at }): EnteredSettings[] => {
      try {
        return [{ id, provider, values: opened(seal, sealed), inUse: retired_at === null }]
      } catch {
        log.error({ settings: id, provider }, 'stored payment settings do not open: the shop has another secret now')
        closed.add(id)
        return []
      }
    })
    providers.take(entered)
    unreadable = closed
    known = state
  }

  const refresh = async () => {
    // What changed while somebody looks is not seen by that look.
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
    keepUp(announcements) {
      const quietly = () => {
        if (!running) refresh().catch((error: unknown) => log.warn({ err: error }, 'payment settings not looked at'))
      }
      const timer = setInterval(quietly, LOOK_EVERY_MS).unref()
      const off = announcements?.on('settings_changed', () => void refresh().catch(() => {}))
      return () => {
        clearInterval(timer)
        off?.()
      }
    },
    get unreadable() {
      return unreadable
    },
  }
}

/**
 * Stores settings that were examined in place of the ones in use, which stay for what was paid with them.
 * @returns those, masked
 */
export async function storeSettings(
  tx: Transaction,
  seal: Seal,
  entered: { kind: ProviderKind; values: Environment; userId: number; now: Date },
): Promise<ShownSettings | undefined> {
  const { kind, values, userId, now } = entered
  const former = await retireSettings(tx, kind.name, now)
  await tx
    .insertInto('payment_settings')
    .values({
      provider: kind.name,
      sealed: seal.seal(PURPOSE, JSON.stringify(values)),
      shown: JSON.stringify(showSettings(kind.fields, values)),
      entered_by: userId,
      entered_at: now,
    })
    .execute()
  await announcement(tx, 'settings_changed', kind.name).execute()
  return former
}

type ShownSettings = Selectable<Tables['payment_settings']>['shown']

/** Takes the settings in use out of use. @returns them, masked, if there were any */
export async function retireSettings(tx: Transaction, provider: string, now: Date): Promise<ShownSettings | undefined> {
  const retired = await tx
    .updateTable('payment_settings')
    .set({ retired_at: now })
    .where('provider', '=', provider)
    .where('retired_at', 'is', null)
    .returning('shown')
    .executeTakeFirst()
  if (retired) await announcement(tx, 'settings_changed', provider).execute()
  return retired?.shown
}

/**
 * Deletes former settings for good: what was paid with them cannot be asked about any more.
 * @param hasOthers whether the method would still have keys, given those stored ones that stay
 * @returns them, masked
 * @throws ShopError SETTINGS_STILL_NEEDED for the last keys of a method of which something has not ended
 */
export async function forgetSettings(
  tx: Transaction,
  id: number,
  hasOthers: (provider: string, stored: readonly number[]) => boolean,
): Promise<{ provider: string; shown: ShownSettings } | undefined> {
  const former = await tx.selectFrom('payment_settings').select('provider').where('id', '=', id).executeTakeFirst()
  if (!former) return undefined
  // Held, so that two that are deleted at once are not each the other's reason to go.
  const stored = await tx
    .selectFrom('payment_settings')
    .select('id')
    .where('provider', '=', former.provider)
    .orderBy('id')
    .modifyEnd(sql`for update`)
    .execute()
  const others = stored.map((row) => row.id).filter((other) => other !== id)
  if (!hasOthers(former.provider, others) && (await hasUnended(tx, former.provider))) {
    throw new ShopError('SETTINGS_STILL_NEEDED')
  }
  const gone = await tx
    .deleteFrom('payment_settings')
    .where('id', '=', id)
    .where('retired_at', 'is not', null)
    .returning(['provider', 'shown'])
    .executeTakeFirst()
  if (gone) await announcement(tx, 'settings_changed', gone.provider).execute()
  return gone
}

/** Whether a payment of this method may still come to light, or a refund of it is to be decided or on its way. */
async function hasUnended(tx: Transaction, provider: string): Promise<boolean> {
  const { rows } = await sql<{ unended: boolean }>`
    select exists (select from payment_attempts where ask_at is not null and provider = ${provider})
      or exists (select from trial_payments where confirmed_at is null and closed_at is null and provider = ${provider})
      or exists (select from refunds r left join payment_attempts a on a.id = r.attempt_id
                   left join unmatched_payments u on u.id = r.unmatched_id
                 where r.status in ('requested', 'approved', 'sent') and coalesce(a.provider, u.provider) = ${provider})
      as unended`.execute(tx)
  return rows[0]?.unended === true
}
