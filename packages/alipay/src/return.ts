/**
 * The buyer's return (Alipay, "Synchronous return"): for display, never proof of payment. Query the gateway for that.
 */
import { readAmount, readTime } from '@xuecheng/client-kit'
import type { Parameters } from './canonical.ts'
import { type Refused, type Verifier, verifyForm } from './signed-form.ts'

/** The parameters that Alipay adds to a return address. All others are the merchant's own, and not signed. */
const SIGNED: readonly string[] = [
  'app_id',
  'auth_app_id',
  'charset',
  'method',
  'out_trade_no',
  'seller_id',
  'sign',
  'sign_type',
  'timestamp',
  'total_amount',
  'trade_no',
  'version',
]

const MAX_CHARACTERS = 8192

/** A genuine return. The amount is in fen. It has no trade status: only the gateway knows that. */
export interface Return {
  readonly ok: true
  readonly appId: string
  readonly sellerId: string
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly totalAmount: number
  readonly timestamp: Date | undefined
  /** What the signature covers, plus `sign` and `sign_type`. */
  readonly parameters: Parameters
  readonly canonical: string
}

export interface ReturnOptions {
  /**
   * The names of the parameters that were already in `return_url`: exactly these are skipped. By default, everything
   * except the names that Alipay is known to add is skipped.
   */
  readonly ownParameters?: readonly string[] | undefined
}

/**
 * Verifies the query of a return address; a signed name may occur only once.
 * @param query the text after `?`, or the whole address
 */
export async function verifyReturn(
  query: string,
  verifier: Verifier,
  { ownParameters }: ReturnOptions = {},
): Promise<Return | Refused> {
  if (query.length > MAX_CHARACTERS) return { ok: false, code: 'TOO_LARGE', message: 'The query is larger than 8 KiB.' }
  const text = query.replace(/^[^?=&]*\?/, '').replace(/#.*$/s, '')
  const form = await verifyForm(
    text,
    verifier,
    ownParameters ? (name) => !ownParameters.includes(name) : (name) => SIGNED.includes(name),
  )
  if (!form.ok) return form
  const { parameters, canonical } = form
  const [appId, outTradeNo, tradeNo] = [
    parameters.get('app_id'),
    parameters.get('out_trade_no'),
    parameters.get('trade_no'),
  ]
  const totalAmount = readAmount(parameters.get('total_amount'))
  if (!appId || !outTradeNo || !tradeNo || totalAmount === undefined) {
    return {
      ok: false,
      code: 'MISSING_PARAMETER',
      message: 'The signature is valid, but this is not a payment return.',
      parameters,
      canonical,
    }
  }
  const sellerId = parameters.get('seller_id') ?? ''
  const timestamp = readTime(parameters.get('timestamp'))
  return { ok: true, appId, sellerId, outTradeNo, tradeNo, totalAmount, timestamp, parameters, canonical }
}
