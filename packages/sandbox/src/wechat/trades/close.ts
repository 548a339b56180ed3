/** How an unpaid WeChat Pay trade ends: closed by the merchant, abandoned, or after seven days. */
import { toFen } from '../../core/money.ts'
import { type WechatError, wechatError } from '../errors.ts'
import type { Wechat } from '../wechat.ts'
import type { WechatOrder } from './trades.ts'

/** Closes an unpaid order; false if it is not unpaid. */
export function closeUnpaid(wechat: Wechat, id: number, why: string): boolean {
  const { database, trades, agenda } = wechat
  const closed = database.transaction(() => {
    const done = trades.close(id)
    if (done) trades.record(id, 'closed', why)
    return done
  })
  if (!closed) return false
  agenda.forget('wechat-expire', String(id))
  wechat.changed()
  return true
}

/** Closes for the merchant; closing twice is allowed. A number that was never ordered can no longer be used. */
export function closeOrder(wechat: Wechat, mchId: string, appId: string, outTradeNo: string): WechatError | undefined {
  const trade = wechat.trades.findByNumber(mchId, outTradeNo)
  if (!trade) closeNumber(wechat, mchId, appId, outTradeNo)
  if (!trade || trade.state === 'CLOSED') return undefined
  if (trade.state !== 'NOTPAY') return wechatError('ORDERPAID')
  closeUnpaid(wechat, trade.id, 'by the merchant')
  return undefined
}

function closeNumber({ database, trades, clock }: Wechat, mchId: string, appId: string, outTradeNo: string): void {
  const never: WechatOrder = {
    mchId,
    appId,
    outTradeNo,
    tradeType: 'NATIVE',
    total: toFen(1),
    description: '',
    notifyUrl: '',
    attach: undefined,
    timeExpire: undefined,
    openid: undefined,
  }
  database.transaction(() => trades.record(trades.create(never, clock.now(), 'CLOSED'), 'closed', 'never ordered'))
}
