/** The signed return address (Alipay, Synchronous return): parameters in the order of a captured one. */

import type { Merchant } from '../alipay/merchants.ts'
import { canonicalString, signText } from '../alipay/signature.ts'
import type { Trade } from '../alipay/trades/trade.ts'
import { charsetNamed, formatForm } from '../core/charset.ts'
import { yuan } from '../core/money.ts'
import { beijing } from '../core/time.ts'

/** Undefined if the merchant gave no return address. Its own query comes first and is not signed. */
export async function returnAddress(
  trade: Trade,
  returnUrl: string | undefined,
  merchant: Merchant,
  now: number,
): Promise<string | undefined> {
  if (returnUrl === undefined) return undefined
  const { request } = trade
  const charset = charsetNamed(request.charset) ?? 'gbk'
  const pairs: [string, string][] = [
    ['charset', request.charset],
    ['out_trade_no', trade.outTradeNo],
    ['method', `${request.method}.return`],
    ['total_amount', yuan(trade.total)],
    ['sign', ''],
    ['trade_no', trade.tradeNo],
    ['auth_app_id', trade.appId],
    ['version', '1.0'],
    ['app_id', trade.appId],
    ['sign_type', request.signType],
    ['seller_id', trade.sellerId],
    ['timestamp', beijing(now)],
  ]
  const sign = await signText(
    canonicalString(pairs, ['sign', 'sign_type']),
    charset,
    merchant.alipayKey,
    request.signType,
  )
  const query = formatForm(
    pairs.map(([name, value]) => [name, name === 'sign' ? sign : value] as const),
    charset,
  )
  const [address = '', fragment] = returnUrl.split('#', 2)
  const joint = !address.includes('?') ? '?' : address.endsWith('?') || address.endsWith('&') ? '' : '&'
  return `${address}${joint}${query}${fragment === undefined ? '' : `#${fragment}`}`
}
