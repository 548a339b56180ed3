/** WeChat Pay in the sandbox: its merchants, certificates, trades, notifications and bills. */
import type { Core } from '../core/core.ts'
import { createNotifications, type Notifications } from '../core/notifications/notifications.ts'
import type { Poster } from '../core/notifications/post.ts'
import { type DeliveryStore, openDeliveryStore } from '../core/notifications/store.ts'
import { createWechatBills, type WechatBills } from './bills/bill-store.ts'
import { openWechatCertificates, type WechatCertificates } from './certificates.ts'
import { openWechatMerchants, type WechatMerchants } from './merchants.ts'
import { type WechatTamper, wechatProtocol } from './notifications/protocol.ts'
import { openWechatRefunds, type WechatRefunds } from './trades/refunds.ts'
import { openWechatTrades, type WechatTrades } from './trades/trades.ts'

export interface Wechat extends Core {
  readonly merchants: WechatMerchants
  readonly certificates: WechatCertificates
  readonly trades: WechatTrades
  readonly refunds: WechatRefunds
  readonly deliveries: DeliveryStore
  readonly notifications: Notifications<WechatTamper>
  readonly bills: WechatBills
  /** Calls whose answer was a probe and that have not been repeated yet. */
  readonly probed: Set<string>
}

export function openWechat(core: Core, poster: Poster): Wechat {
  const { database, clock, faults } = core
  const merchants = openWechatMerchants(database, clock)
  const certificates = openWechatCertificates(database, clock)
  const deliveries = openDeliveryStore(database, { deliveries: 'wechat_deliveries', attempts: 'wechat_attempts' })
  return {
    ...core,
    merchants,
    certificates,
    trades: openWechatTrades(database, clock),
    refunds: openWechatRefunds(database, clock),
    deliveries,
    notifications: createNotifications(core, deliveries, poster, wechatProtocol(merchants, certificates, faults)),
    bills: createWechatBills(),
    probed: new Set(),
  }
}
