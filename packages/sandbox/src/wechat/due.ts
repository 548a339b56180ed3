/** What is due at WeChat Pay: notifications, unpaid trades, delayed payments, refunds. */
import { deliver } from '../core/notifications/notifications.ts'
import type { Entry } from '../core/schedule.ts'
import { closeUnpaid } from './trades/close.ts'
import { CLOSES_AFTER } from './trades/order.ts'
import { payLate } from './trades/pay.ts'
import { refundDue } from './trades/refund.ts'
import type { Wechat } from './wechat.ts'

/** Schedules everything pending in the database. */
export function scheduleWechat({ agenda, trades, refunds, deliveries }: Wechat): void {
  for (const { id, at } of trades.paying()) agenda.add({ at, kind: 'wechat-pay', id: String(id) })
  for (const { id, at } of trades.waiting())
    agenda.add({ at: at + CLOSES_AFTER, kind: 'wechat-expire', id: String(id) })
  for (const { id, at } of refunds.processing()) agenda.add({ at, kind: 'wechat-refund', id: String(id) })
  for (const { id, at } of deliveries.pending()) agenda.add({ at, kind: 'wechat-deliver', id: String(id) })
}

export async function runWechat(wechat: Wechat, { kind, id: text }: Entry): Promise<void> {
  const id = Number(text)
  if (kind === 'wechat-deliver') await deliver(wechat.notifications, id)
  else if (kind === 'wechat-pay') payLate(wechat, id)
  else if (kind === 'wechat-refund') refundDue(wechat, id)
  else closeUnpaid(wechat, id, 'unpaid for seven days')
}
