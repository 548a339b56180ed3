/** Alipay in the sandbox: its merchants, trades and notifications. */
import type { Core } from '../core/core.ts'
import type { Tamper } from '../core/faults/tamper.ts'
import { createNotifications, type Notifications } from '../core/notifications/notifications.ts'
import type { Poster } from '../core/notifications/post.ts'
import { type DeliveryStore, openDeliveryStore } from '../core/notifications/store.ts'
import { type Merchants, openMerchants } from './merchants.ts'
import { alipayProtocol } from './notifications/protocol.ts'
import { openRefunds, type Refunds } from './trades/refunds.ts'
import { openTrades, type Trades } from './trades/trades.ts'

export interface Alipay extends Core {
  readonly merchants: Merchants
  readonly trades: Trades
  readonly refunds: Refunds
  readonly deliveries: DeliveryStore
  readonly notifications: Notifications<Tamper>
}

export function openAlipay(core: Core, poster: Poster): Alipay {
  const { database, clock, settings, faults } = core
  const merchants = openMerchants(database, clock, settings)
  const trades = openTrades(database, clock)
  const deliveries = openDeliveryStore(database)
  const notifications = createNotifications(core, deliveries, poster, alipayProtocol(merchants, faults))
  return { ...core, merchants, trades, refunds: openRefunds(database, trades), deliveries, notifications }
}
