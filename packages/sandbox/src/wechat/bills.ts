/** Bills of WeChat Pay: asked for with a signature, fetched with one within five minutes (WeChat Pay, "Bills"). */
import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type Period, readPeriod } from '../bills/period.ts'
import type { Sandbox } from '../sandbox.ts'
import { DAY, HOUR, MINUTE } from '../time.ts'
import { type Entry, fundFlowBill, tradeBill } from './bill-files.ts'
import { type WechatError, wechatError } from './errors.ts'
import type { WechatMerchant } from './merchants.ts'
import type { Json } from './messages.ts'

const GOOD_FOR = 5 * MINUTE
const OLDEST = 92 * DAY
const MOST_FILES = 100

export interface BillFile {
  readonly mchId: string
  readonly bytes: Buffer
  readonly gzip: boolean
  readonly until: number
}

export type WechatBills = ReturnType<typeof createWechatBills>

/** Files that were asked for lately; a restart forgets them, as five minutes do. */
export function createWechatBills() {
  const files = new Map<string, BillFile>()
  return {
    keep(file: BillFile): string {
      const [oldest] = files.keys()
      if (files.size >= MOST_FILES && oldest !== undefined) files.delete(oldest)
      const token = randomBytes(24).toString('base64url')
      files.set(token, file)
      return token
    },
    find(token: string, mchId: string, now: number): BillFile | undefined {
      const file = files.get(token)
      return file?.mchId === mchId && file.until >= now ? file : undefined
    },
  }
}

export interface BillWanted {
  readonly kind: 'trade' | 'fundflow'
  readonly day: string
  readonly type: string | undefined
  readonly gzip: boolean
  readonly base: string
}

/** The address of a day's bill, with the hash of the file unpacked. */
export function billAddress(sandbox: Sandbox, merchant: WechatMerchant, wanted: BillWanted): Json | WechatError {
  const period = /^\d{4}-\d{2}-\d{2}$/.test(wanted.day) ? readPeriod(wanted.day) : undefined
  const now = sandbox.clock.now()
  if (!period || period.until > now || period.from < now - OLDEST) {
    return wechatError('INVALID_REQUEST', '账单日期格式不正确或不在可下载的范围内')
  }
  const types = wanted.kind === 'trade' ? ['ALL', 'SUCCESS', 'REFUND'] : ['BASIC', 'OPERATION', 'FEES']
  if (wanted.type !== undefined && !types.includes(wanted.type)) return wechatError('PARAM_ERROR', '账单类型不正确')
  if (period.until + merchant.rules.billHour * HOUR > now) return wechatError('STATEMENT_CREATING')
  const entries = entriesOf(sandbox, merchant, period).filter(
    ({ refund }) =>
      wanted.type === undefined ||
      !['SUCCESS', 'REFUND'].includes(wanted.type) ||
      (wanted.type === 'REFUND') === !!refund,
  )
  const isEmpty = entries.length === 0 || wanted.type === 'OPERATION' || wanted.type === 'FEES'
  if (isEmpty) return wechatError('NO_STATEMENT_EXIST')
  const text = wanted.kind === 'trade' ? tradeBill(merchant, entries) : fundFlowBill(merchant, entries)
  const bytes = Buffer.from(text)
  const { mchId } = merchant
  const token = sandbox.wechat.bills.keep({ mchId, bytes, gzip: wanted.gzip, until: now + GOOD_FOR })
  return {
    hash_type: 'SHA1',
    hash_value: createHash('sha1').update(bytes).digest('hex'),
    download_url: `${wanted.base}/v3/billdownload/file?token=${token}${wanted.gzip ? '&tartype=gzip' : ''}`,
  }
}

export const packed = ({ bytes, gzip }: BillFile): Buffer => (gzip ? gzipSync(bytes) : bytes)

function entriesOf(sandbox: Sandbox, { mchId }: WechatMerchant, { from, until }: Period): Entry[] {
  const { trades } = sandbox.wechat
  const payments = trades
    .paidBetween(mchId, from, until)
    .map((trade): Entry => ({ at: trade.paidAt ?? from, trade, refund: undefined }))
  const refunds = trades.refundsBetween(mchId, from, until).flatMap((refund): Entry[] => {
    const trade = trades.find(refund.tradeId)
    return trade ? [{ at: refund.createdAt, trade, refund }] : []
  })
  return [...payments, ...refunds].sort((left, right) => left.at - right.at)
}
