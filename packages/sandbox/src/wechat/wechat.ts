/** Puts WeChat Pay in the sandbox together. */
import type { Agenda } from '../core/agenda.ts'
import type { Buyers } from '../core/buyers.ts'
import type { Clock } from '../core/clock.ts'
import type { Database } from '../core/database.ts'
import type { Faults } from '../core/faults/faults.ts'
import type { Poster } from '../core/notifications/post.ts'
import { openDeliveryStore } from '../core/notifications/store.ts'
import { createWechatBills } from './bills/bill-store.ts'
import { openWechatCertificates } from './certificates.ts'
import { openWechatMerchants } from './merchants.ts'
import { createWechatNotifications } from './notifications/notifications.ts'
import { CLOSES_AFTER, createWechatPayments } from './trades/payments.ts'
import { openWechatTrades } from './trades/trades.ts'

export type Wechat = ReturnType<typeof openWechat>

export interface WechatParts {
  readonly database: Database
  readonly clock: Clock
  readonly buyers: Buyers
  readonly faults: Faults
  readonly poster: Poster
  readonly enabled: () => boolean
  readonly agenda: () => Agenda
  readonly changed: () => void
}

/** The tables that a reset empties, referencing tables first. */
export const WECHAT_TABLES = [
  'wechat_attempts',
  'wechat_deliveries',
  'wechat_refunds',
  'wechat_trade_events',
  'wechat_trades',
] as const

export function openWechat(parts: WechatParts) {
  const { database, clock } = parts
  const merchants = openWechatMerchants(database, clock)
  const certificates = openWechatCertificates(database, clock)
  const trades = openWechatTrades(database, clock)
  const deliveries = openDeliveryStore(database, { deliveries: 'wechat_deliveries', attempts: 'wechat_attempts' })
  const notifications = createWechatNotifications({ ...parts, store: deliveries, merchants, certificates })
  const payments = createWechatPayments({ ...parts, merchants, trades, notifications })
  return {
    merchants,
    certificates,
    trades,
    deliveries,
    notifications,
    payments,
    bills: createWechatBills(),
    /** Calls whose answer was a probe and that have not been repeated yet. */
    probed: new Set<string>(),
    /** Schedules everything pending in the database. */
    load(): void {
      const agenda = parts.agenda()
      for (const { id, at } of trades.paying()) agenda.add({ at, kind: 'wechat-pay', id: String(id) })
      for (const { id, at } of trades.waiting())
        agenda.add({ at: at + CLOSES_AFTER, kind: 'wechat-expire', id: String(id) })
      for (const { id, at } of trades.processing()) agenda.add({ at, kind: 'wechat-refund', id: String(id) })
      for (const { id, at } of deliveries.pending()) agenda.add({ at, kind: 'wechat-deliver', id: String(id) })
    },
    /** Runs a due entry; returns whether it was WeChat's. */
    async run(kind: string, id: string): Promise<boolean> {
      if (kind === 'wechat-pay') payments.payLate(Number(id))
      else if (kind === 'wechat-expire') payments.expire(Number(id))
      else if (kind === 'wechat-refund') payments.refundDue(Number(id))
      else if (kind === 'wechat-deliver') await notifications.deliver(Number(id))
      else return false
      return true
    },
    forget(): void {
      merchants.forget()
      certificates.forget()
      this.probed.clear()
      notifications.forget()
    },
  }
}
