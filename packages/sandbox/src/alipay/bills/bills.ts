/**
 * Bills: their address, valid for 30 seconds, and the archive behind it (Alipay,
 * alipay.data.dataservice.bill.downloadurl.query).
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { encode } from '../../core/charset.ts'
import { toFen, ZERO } from '../../core/money.ts'
import { type Period, periodOfDigits, readPeriod } from '../../core/period.ts'
import { HOUR, parseBeijing, SECOND } from '../../core/time.ts'
import type { Sandbox } from '../../sandbox.ts'
import type { Business } from '../gateway/business.ts'
import { businessError, gatewayError } from '../gateway/errors.ts'
import type { Outcome } from '../gateway/trade-methods.ts'
import type { Merchant } from '../merchants.ts'
import { accountDetail, accountSummary } from './account-bill.ts'
import { type BillRow, tradeDetail, tradeSummary } from './trade-bill.ts'
import { zip } from './zip.ts'

const VALID_FOR = 30 * SECOND
const EARLIEST = parseBeijing('2016-01-01 00:00:00') ?? 0
/** bill_type → bizType of the address. */
const TYPES: Readonly<Record<string, string>> = { trade: 'trade', signcustomer: 'fnd' }
const OTHER_TYPES = ['merchant_act', 'trade_zft_merchant', 'zft_acc', 'settlementMerge']

/** `base` is the address at which the caller reached the sandbox. */
export function billAddress(sandbox: Sandbox, merchant: Merchant, business: Business, base: string): Outcome {
  const type = business.text('bill_type')
  const period = readPeriod(business.text('bill_date'))
  if (OTHER_TYPES.includes(type)) return businessError('TYPE_NOT_SUPPORTED')
  const bizType = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (bizType === undefined || !period) return businessError('INVAILID_ARGUMENTS')
  const now = sandbox.clock.now()
  if (period.until > now) return gatewayError('isv.invalid_arguments')
  if (period.until <= EARLIEST) return businessError('BILL_DATE_BEFORE_REGISTRATION')
  if (period.until + merchant.rules.billHour * HOUR > now) return businessError('BILL_NOT_EXIST')
  const isEmpty = billRows(sandbox, merchant, period).length === 0
  if (isEmpty && merchant.rules.emptyBills === 'error') return businessError('NO_BILL_DATA')
  const file = `${merchant.sellerId}0156_${period.digits}.csv.zip`
  const timestamp = String(Math.floor(now / SECOND))
  const query = new URLSearchParams({
    bizType,
    userId: `${merchant.sellerId}0156`,
    fileType: 'csv.zip',
    bizDates: period.digits,
    downloadFileName: file,
    fileId: `/${bizType}/${merchant.sellerId}0156/${period.digits}.csv.zip`,
    timestamp,
    token: tokenOf(sandbox, [bizType, merchant.sellerId, period.digits, timestamp]),
  })
  return {
    fields: {
      bill_download_url: `${base}/downloadBillFile.resource?${query}`,
      bill_file_code: isEmpty ? 'EMPTY_DATA_WITH_BILL_FILE' : undefined,
    },
  }
}

export function billRoutes(sandbox: Sandbox) {
  return async (app: FastifyInstance): Promise<void> => {
    app.get('/downloadBillFile.resource', { schema: { hide: true } }, (request, reply) => {
      const {
        bizType = '',
        userId = '',
        bizDates = '',
        timestamp = '',
        token = '',
      } = request.query as Record<string, string>
      const sellerId = userId.slice(0, 16)
      const period = periodOfDigits(bizDates)
      const merchant = sandbox.merchants.list().find((each) => each.sellerId === sellerId)
      const genuine = sameText(token, tokenOf(sandbox, [bizType, sellerId, bizDates, timestamp]))
      const age = sandbox.clock.now() - Number(timestamp) * SECOND
      if (!genuine || !merchant || !period || !(age < VALID_FOR + SECOND)) {
        return reply.type('text/html;charset=GBK').send(encode('<html><body>下载超时，请重新下载</body></html>', 'gbk'))
      }
      const file = `${merchant.sellerId}0156_${period.digits}.csv.zip`
      return reply
        .header('content-disposition', `attachment; filename="${file}"`)
        .type('application/zip')
        .send(archive(sandbox, merchant, period, bizType))
    })
  }
}

function archive(sandbox: Sandbox, merchant: Merchant, period: Period, bizType: string): Buffer {
  const account = `${merchant.sellerId}0156`
  const rows = billRows(sandbox, merchant, period)
  const now = sandbox.clock.now()
  const [kind, detail, summary] =
    bizType === 'trade'
      ? ['业务明细', tradeDetail(account, period, rows, now), tradeSummary(account, period, rows, now)]
      : [
          '账务明细',
          accountDetail(account, period, rows, balanceAt(sandbox, merchant, period.from), now),
          accountSummary(account, period, rows, now),
        ]
  const name = `${account}_${period.digits}_${kind}`
  return zip([
    { name: encode(`${name}.csv`, 'gbk'), content: encode(detail, 'gbk') },
    { name: encode(`${name}(汇总).csv`, 'gbk'), content: encode(summary, 'gbk') },
  ])
}

/** Sales and refunds of a period, in chronological order. */
function billRows(sandbox: Sandbox, merchant: Merchant, { from, until }: Period): BillRow[] {
  const sales = sandbox.trades.paidBetween(merchant.sellerId, from, until).map((trade) => ({
    at: trade.paidAt ?? from,
    row: { trade, buyer: sandbox.buyers.find(trade.buyerId) },
  }))
  const refunds = sandbox.refunds.between(merchant.sellerId, from, until).map(({ trade, refund }) => ({
    at: refund.at,
    row: { trade, buyer: sandbox.buyers.find(trade.buyerId), refund },
  }))
  return [...sales, ...refunds].toSorted((a, b) => a.at - b.at).map(({ row }) => row)
}

function balanceAt(sandbox: Sandbox, merchant: Merchant, at: number) {
  return billRows(sandbox, merchant, { from: 0, until: at, digits: '' }).reduce(
    (balance, { trade, refund }) => toFen(refund ? balance - refund.amount : balance + trade.total),
    ZERO,
  )
}

/** 32 hex digits that only this sandbox can compute for an address. */
function tokenOf(sandbox: Sandbox, parts: readonly string[]): string {
  let secret = sandbox.settings.read('bill-secret')
  if (secret === undefined) {
    secret = randomBytes(32).toString('hex')
    sandbox.settings.write('bill-secret', secret)
  }
  return createHmac('md5', secret).update(parts.join('\n')).digest('hex')
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
