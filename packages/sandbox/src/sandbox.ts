/** Puts the sandbox together: both gateways on one core, and what the buyer's pages store. */
import { type Alipay, openAlipay } from './alipay/alipay.ts'
import { runAlipay, scheduleAlipay } from './alipay/due.ts'
import { finishDue } from './alipay/trades/close.ts'
import { type Checkouts, openCheckouts } from './cashier/checkouts.ts'
import { openSessions, type Sessions } from './cashier/sessions.ts'
import { DEFAULT_LOGIN } from './core/buyers.ts'
import { openCore } from './core/core.ts'
import { switchNotifications } from './core/notifications/notifications.ts'
import { createPoster } from './core/notifications/post.ts'
import { runWechat, scheduleWechat } from './wechat/due.ts'
import { openWechat, type Wechat } from './wechat/wechat.ts'

/** Alipay's part is the sandbox itself, WeChat Pay's is next to it. */
export interface Sandbox extends Alipay {
  readonly wechat: Wechat
  readonly checkouts: Checkouts
  readonly sessions: Sessions
}

export interface SandboxOptions {
  /** Folder of `sandbox.sqlite`; created if missing. */
  readonly data: string
  /** How long a shop may take to answer a notification, in milliseconds. */
  readonly notifyTimeout?: number
}

/** The tables that a reset empties, referencing tables first. */
const TABLES = [
  'wechat_attempts',
  'wechat_deliveries',
  'wechat_refunds',
  'wechat_trade_events',
  'wechat_trades',
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

export function openSandbox({ data, notifyTimeout }: SandboxOptions): Sandbox {
  const core = openCore(data, (entry) =>
    entry.kind.startsWith('wechat-') ? runWechat(sandbox.wechat, entry) : runAlipay(sandbox, entry),
  )
  const sandbox: Sandbox = {
    ...openAlipay(core, createPoster(notifyTimeout ?? 10_000)),
    // WeChat waits half as long as Alipay.
    wechat: openWechat(core, createPoster(notifyTimeout ?? 5_000)),
    checkouts: openCheckouts(core.database, core.clock),
    sessions: openSessions(core.database, core.clock),
  }
  load(sandbox)
  return sandbox
}

/** Schedules everything pending in the database, and creates the default buyer if missing. */
function load(sandbox: Sandbox): void {
  if (sandbox.buyers.list().length === 0) sandbox.buyers.create({ login: DEFAULT_LOGIN })
  scheduleAlipay(sandbox)
  scheduleWechat(sandbox.wechat)
}

/**
 * Resets to the initial state. Merchants and their keys stay unless requested, since running shops hold the other half.
 */
export async function reset(sandbox: Sandbox, merchantsToo: boolean): Promise<void> {
  const { database, agenda, wechat } = sandbox
  agenda.clear()
  await agenda.settled()
  database.transaction(() => {
    for (const table of TABLES) database.exec(`delete from ${table}`)
    if (merchantsToo) database.exec('delete from merchants; delete from wechat_merchants; delete from settings')
  })
  sandbox.merchants.forget()
  sandbox.notifications.held.clear()
  wechat.merchants.forget()
  wechat.certificates.forget()
  wechat.notifications.held.clear()
  wechat.probed.clear()
  sandbox.faults.reload()
  sandbox.clock.reset()
  switchNotifications(sandbox, true)
  load(sandbox)
  sandbox.changed()
}

/** Moves the clock forward; resolves once everything due in between has run. */
export async function advanceTo(sandbox: Sandbox, at: number): Promise<void> {
  await sandbox.agenda.advanceTo(at)
  finishDue(sandbox)
  sandbox.changed()
}

export async function closeSandbox({ notifications, wechat, agenda, database }: Sandbox): Promise<void> {
  notifications.poster.close()
  wechat.notifications.poster.close()
  await agenda.close()
  database.close()
}
