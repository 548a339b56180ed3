/** WeChat Pay's bills: the request is signed, and so is the download within five minutes (WeChat Pay, "Bills"). */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type Period, readPeriod } from '../../core/period.ts'
import { DAY, HOUR, MINUTE } from '../../core/time.ts'
import type { Sandbox } from '../../sandbox.ts'
import { type WechatError, wechatError } from '../errors.ts'
import type { WechatMerchant } from '../merchants.ts'
import type { Json } from '../notifications/messages.ts'
import type { Entry } from './bill-file.ts'
import type { BillFile } from './bill-store.ts'
import { fundFlowBill } from './fund-flow-bill.ts'
import { TRADE_BILLS, type TradeBillType, tradeBill } from './trade-bill.ts'

const VALID_FOR = 5 * MINUTE
const OLDEST = 92 * DAY
export interface BillWanted {
  readonly kind: 'trade' | 'fundflow'
  readonly day: string
  readonly type: string | undefined
  readonly gzip: boolean
  readonly base: string
}

/** The address of a day's bill, with the hash of the unpacked file. */
export function billAddress(sandbox: Sandbox, merchant: WechatMerchant, wanted: BillWanted): Json | WechatError {
  const period = /^\d{4}-\d{2}-\d{2}$/.test(wanted.day) ? readPeriod(wanted.day) : undefined
  const now = sandbox.clock.now()
  if (!period || period.until > now || period.from < now - OLDEST) {
    return wechatError('INVALID_REQUEST', '账单日期格式不正确或不在可下载的范围内')
  }
  const write = writerOf(wanted)
  if (!write) return wechatError('PARAM_ERROR', '账单类型不正确')
  if (period.until + merchant.rules.billHour * HOUR > now) return wechatError('STATEMENT_CREATING')
  const text = write(merchant, entriesOf(sandbox, merchant, period))
  if (text === undefined) return wechatError('NO_STATEMENT_EXIST')
  const bytes = Buffer.from(text)
  const { mchId } = merchant
  const token = sandbox.wechat.bills.keep({ mchId, bytes, gzip: wanted.gzip, until: now + VALID_FOR })
  return {
    hash_type: 'SHA1',
    hash_value: createHash('sha1').update(bytes).digest('hex'),
    download_url: `${wanted.base}/v3/billdownload/file?token=${token}${wanted.gzip ? '&tartype=gzip' : ''}`,
  }
}

type Writer = (merchant: WechatMerchant, entries: readonly Entry[]) => string | undefined

/** The writer of the requested bill; it returns nothing for a day without entries. Undefined for an unknown bill. */
function writerOf({ kind, type }: BillWanted): Writer | undefined {
  if (kind === 'trade') {
    const known = TRADE_BILLS.find((each) => each === (type ?? 'ALL'))
    if (!known) return undefined
    return (merchant, entries) => {
      const wanted = entries.filter(({ refund }) => isOf(known, refund !== undefined))
      return wanted.length === 0 ? undefined : tradeBill(merchant, wanted, known)
    }
  }
  // The other two accounts never have movements.
  if (type === 'OPERATION' || type === 'FEES') return () => undefined
  if (type !== undefined && type !== 'BASIC') return undefined
  return (merchant, entries) => (entries.length === 0 ? undefined : fundFlowBill(merchant, entries))
}

const isOf = (type: TradeBillType, isRefund: boolean): boolean => type === 'ALL' || (type === 'REFUND') === isRefund

export const packed = ({ bytes, gzip }: BillFile): Buffer => (gzip ? gzipSync(bytes) : bytes)

function entriesOf(sandbox: Sandbox, { mchId }: WechatMerchant, { from, until }: Period): Entry[] {
  const { trades, refunds } = sandbox.wechat
  const paid = trades
    .paidBetween(mchId, from, until)
    .map((trade): Entry => ({ at: trade.paidAt ?? from, trade, refund: undefined }))
  const refunded = refunds.between(mchId, from, until).flatMap((refund): Entry[] => {
    const trade = trades.find(refund.tradeId)
    return trade ? [{ at: refund.createdAt, trade, refund }] : []
  })
  return [...paid, ...refunded].sort((left, right) => left.at - right.at)
}
