/** What is due at Alipay: notifications, time-outs of trades, delayed payments. */
import { deliver } from '../core/notifications/notifications.ts'
import type { Entry } from '../core/schedule.ts'
import type { Alipay } from './alipay.ts'
import { current } from './trades/close.ts'
import { payLate } from './trades/pay.ts'

/** Schedules everything pending in the database. */
export function scheduleAlipay({ agenda, trades, deliveries }: Alipay): void {
  for (const { tradeNo: id, expiresAt, paysAt } of trades.waiting()) {
    agenda.add(paysAt === undefined ? { at: expiresAt, kind: 'expire', id } : { at: paysAt, kind: 'pay', id })
  }
  for (const { id, at } of deliveries.pending()) agenda.add({ at, kind: 'deliver', id: String(id) })
}

export async function runAlipay(alipay: Alipay, { kind, id }: Entry): Promise<void> {
  if (kind === 'deliver') await deliver(alipay.notifications, Number(id))
  else if (kind === 'pay') payLate(alipay, id)
  else current(alipay, alipay.trades.find(id))
}
