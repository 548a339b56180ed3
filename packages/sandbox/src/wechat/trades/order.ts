/** How a WeChat Pay trade begins: the merchant orders it, once or again for a fresh link. */
import { randomBytes } from 'node:crypto'
import { beijingDigits, DAY, HOUR, MINUTE } from '../../core/time.ts'
import { type WechatError, wechatError } from '../errors.ts'
import type { Wechat } from '../wechat.ts'
import type { WechatOrder, WechatTrade } from './trades.ts'

const CODE_LIVES = 2 * HOUR
const H5_LIVES = 5 * MINUTE
/** WeChat closes an order by itself when it stays unpaid for this long, whatever its time_expire. */
export const CLOSES_AFTER = 7 * DAY

/** Creates the order, or gives the same one a fresh link; the old link stops working. */
export function placeOrder(wechat: Wechat, wanted: WechatOrder, expiresAt: number): WechatTrade | WechatError {
  const { database, trades, clock } = wechat
  const before = trades.findByNumber(wanted.mchId, wanted.outTradeNo)
  if (before?.state === 'CLOSED') return wechatError('ORDER_CLOSED')
  if (before && before.state !== 'NOTPAY') return wechatError('ORDERPAID')
  if (before && !sameOrder(before, wanted)) return wechatError('OUT_TRADE_NO_USED')
  const made = database.transaction(() => {
    const id = before?.id ?? trades.create(wanted, expiresAt, 'NOTPAY')
    if (!before) trades.record(id, 'ordered', wanted.tradeType)
    const prepayId = `wx${beijingDigits(clock.now()).day}${randomBytes(13).toString('hex')}`
    const code =
      wanted.tradeType === 'NATIVE' ? `weixin://wxpay/bizpayurl?pr=${randomBytes(9).toString('base64url')}` : undefined
    trades.link(id, prepayId, code, clock.now() + (wanted.tradeType === 'MWEB' ? H5_LIVES : CODE_LIVES))
    const trade = trades.find(id)
    if (!trade) throw new Error(`trade ${id} was not kept`)
    return trade
  })
  if (!before) wechat.agenda.add({ at: made.createdAt + CLOSES_AFTER, kind: 'wechat-expire', id: String(made.id) })
  wechat.changed()
  return made
}

const sameOrder = (trade: WechatTrade, wanted: WechatOrder): boolean =>
  (['appId', 'tradeType', 'total', 'description', 'attach', 'notifyUrl', 'timeExpire', 'openid'] as const).every(
    (name) => trade[name] === wanted[name],
  )
