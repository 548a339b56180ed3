/** Puts the sandbox together: storage, clock, merchants, buyers, trades and notifications. */

import { openMerchants } from './alipay/merchants.ts'
import { createNotifications } from './alipay/notifications/notifications.ts'
import { createPayments } from './alipay/trades/payments.ts'
import { createRefunds } from './alipay/trades/refunds.ts'
import { openTrades } from './alipay/trades/trades.ts'
import { openCheckouts } from './cashier/checkouts.ts'
import { openSessions } from './cashier/sessions.ts'
import { createAgenda } from './core/agenda.ts'
import { DEFAULT_LOGIN, openBuyers } from './core/buyers.ts'
import { openClock } from './core/clock.ts'
import { openDatabase } from './core/database.ts'
import { openFaults } from './core/faults/faults.ts'
import { createPoster } from './core/notifications/post.ts'
import { openDeliveryStore } from './core/notifications/store.ts'
import { openSettings } from './core/settings.ts'
import { openWechat, WECHAT_TABLES } from './wechat/wechat.ts'

export type Sandbox = ReturnType<typeof openSandbox>

export interface SandboxOptions {
  /** Folder of `sandbox.sqlite`; created if missing. */
  readonly data: string
  /** How long a shop may take to answer a notification, in milliseconds. */
  readonly notifyTimeout?: number
}

/** The tables that a reset empties, referencing tables first. */
const TABLES = [
  ...WECHAT_TABLES,
  'attempts',
  'deliveries',
  'refunds',
  'trade_events',
  'trades',
  'checkouts',
  'sessions',
  'faults',
  'fault_strikes',
  'buyers',
] as const

export function openSandbox(options: SandboxOptions) {
  const database = openDatabase(options.data)
  const settings = openSettings(database)
  const clock = openClock(settings)
  const merchants = openMerchants(database, clock, settings)
  const buyers = openBuyers(database, clock)
  const trades = openTrades(database, clock)
  const deliveries = openDeliveryStore(database)
  const checkouts = openCheckouts(database, clock)
  const sessions = openSessions(database, clock)
  const poster = createPoster(options.notifyTimeout ?? 10_000)
  // WeChat waits half as long as Alipay.
  const wechatPoster = createPoster(options.notifyTimeout ?? 5_000)
  const faults = openFaults(database, clock)
  const watchers = new Set<() => void>()
  const changed = () => {
    for (const watcher of watchers) watcher()
  }
  const late = { database, clock, merchants, buyers, settings, poster, faults, changed, agenda: () => agenda }
  const notifications = createNotifications({ ...late, store: deliveries })
  const payments = createPayments({ ...late, trades, notifications })
  const refunds = createRefunds({ ...late, trades, notifications })
  const wechat = openWechat({ ...late, poster: wechatPoster, enabled: notifications.enabled })
  const agenda = createAgenda(clock, async ({ kind, id }) => {
    if (await wechat.run(kind, id)) return
    if (kind === 'deliver') return notifications.deliver(Number(id))
    if (kind === 'pay') return payments.payLate(id)
    payments.current(trades.find(id))
  })

  /** Schedules everything pending in the database, and creates the default buyer if missing. */
  function load(): void {
    if (buyers.list().length === 0) buyers.create({ login: DEFAULT_LOGIN })
    for (const { tradeNo, expiresAt, paysAt } of trades.waiting()) {
      agenda.add(
        paysAt === undefined
          ? { at: expiresAt, kind: 'expire', id: tradeNo }
          : { at: paysAt, kind: 'pay', id: tradeNo },
      )
    }
    for (const { id, at } of deliveries.pending()) agenda.add({ at, kind: 'deliver', id: String(id) })
    wechat.load()
  }

  load()
  return {
    database,
    settings,
    clock,
    merchants,
    buyers,
    trades,
    deliveries,
    checkouts,
    sessions,
    notifications,
    payments,
    refunds,
    wechat,
    faults,
    agenda,
    changed,
    /** Calls `watcher` after every change until the returned function is called. */
    watch(watcher: () => void): () => void {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    /**
     * Resets to the initial state. Merchants and their keys stay unless requested, since running shops hold the other
     * half.
     */
    async reset(merchantsToo: boolean): Promise<void> {
      agenda.clear()
      await agenda.settled()
      database.transaction(() => {
        for (const table of TABLES) database.exec(`delete from ${table}`)
        if (merchantsToo) database.exec('delete from merchants; delete from wechat_merchants; delete from settings')
      })
      merchants.forget()
      wechat.forget()
      faults.reload()
      notifications.forget()
      clock.reset()
      notifications.enable(true)
      load()
      changed()
    },
    /** Moves the clock forward; resolves once everything due in between has run. */
    async advanceTo(at: number): Promise<void> {
      await agenda.advanceTo(at)
      payments.finishDue()
      changed()
    },
    async close(): Promise<void> {
      poster.close()
      wechatPoster.close()
      await agenda.close()
      database.close()
    },
  }
}
