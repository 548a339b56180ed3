/** Alipay behind the shop's provider interface. */
import { type Alipay, AlipayError, type Notification, type Refused } from '@xuecheng/alipay'
import type { Logger } from 'pino'
import type { Clock } from '../../../clock.ts'
import { ShopError } from '../../../errors.ts'
import { type Fen, toFen } from '../../../money.ts'
import { cutText } from '../../../text/cut-text.ts'
import type {
  AttemptToPay,
  Check,
  GatewayTrade,
  PayLink,
  PaymentProvider,
  ReadNotification,
  RefundAnswer,
  RefundRef,
  RefundToSend,
} from '../../contract.ts'
import { fieldsChecked, ours } from '../adapter.ts'
import { merchantName } from '../definition.ts'
import { readBill } from './bill.ts'
import { type AlipaySettings, NOTIFY_PROBE, openClient } from './settings.ts'

export interface AlipayProvider extends PaymentProvider {
  readonly merchant: string
  readonly client: Alipay
  readonly settings: AlipaySettings
}

const GATEWAY_LIMIT_MS = 8000
/** Alipay requires three seconds; clocks and networks are not that exact. */
const REFUND_GAP_MS = 4000
/** The queue waits 3, 7 and 20 seconds between the first tries. */
const TRIES_BEFORE_REFUSED = 4
/** If there is no trade, there is no refund of it. */
const NO_TRADE: readonly string[] = ['ACQ.TRADE_NOT_EXIST', 'TRADE_NOT_EXIST']

const refundOf = ({ tradeNo, attemptNo, requestNo }: RefundRef) => ({
  tradeNo,
  outTradeNo: attemptNo,
  outRequestNo: requestNo,
})

/** Its time is given only if it is asked for. */
const refundToLookUp = (refund: RefundRef) => ({ ...refundOf(refund), queryOptions: ['gmt_refund_pay'] })

/** One merchant's access to the gateway. */
interface Access {
  readonly client: Alipay
  readonly settings: AlipaySettings
  readonly clock: Clock
  readonly log: Logger
}

export function createAlipayProvider(settings: AlipaySettings, clock: Clock, log: Logger): AlipayProvider {
  const client = openClient(settings, {
    timeoutMs: GATEWAY_LIMIT_MS,
    clock,
    log: (entry) => log.debug(entry, 'gateway call'),
  })
  const access: Access = { client, settings, clock, log }
  return {
    name: 'alipay',
    // The sandbox's port may change at the next start.
    merchant: merchantName(settings.gateway, settings.sandbox, settings.appId),
    client,
    settings,
    refundGapMs: REFUND_GAP_MS,
    // WeChat's in-app browser blocks Alipay: the buyer opens the order again in the phone's own browser.
    channelFor: ({ device }) => (device !== 'computer' && settings.wap ? 'wap' : 'page'),
    links: { signed: 'locally', sign: (attempt) => signLink(access, attempt) },
    queryTrade: (attemptNo) => queryTrade(access, attemptNo),
    async close(attemptNo) {
      await trustedAnswer(log, () => client.close({ outTradeNo: attemptNo }))
    },
    refund: (refund) => payBack(access, refund),
    async queryRefund(refund) {
      const made = await trustedAnswer(log, () => client.refundQuery(refundToLookUp(refund)))
      if (made.ok && made.refunded) return { state: 'succeeded', at: made.gmtRefundPay }
      return hasNone(made) ? { state: 'none' } : undefined
    },
    bill: (day) => trustedAnswer(log, () => readBill(day, clock(), () => client.tradeBill(day), settings.feeRate)),
    async readNotification({ body, contentType }) {
      const read = await client.verifyNotification(body, contentType)
      return read.ok ? checkNotice(read, settings, clock) : refused(read, body)
    },
  }
}

async function signLink({ client, settings, log }: Access, attempt: AttemptToPay): Promise<PayLink> {
  const { attemptNo, amount, subject, expiresAt, channel, page } = attempt
  const pay = {
    outTradeNo: attemptNo,
    totalAmount: amount,
    subject: allowedSubject(subject),
    timeExpire: expiresAt,
    goodsType: '0',
    returnUrl: settings.returnUrl,
    notifyUrl: settings.notifyUrl,
  } as const
  const quitUrl = `${settings.shopUrl}${page}`
  const payUrl = await fieldsChecked(log, () =>
    channel === 'wap' ? client.wapPayUrl({ ...pay, quitUrl }) : client.pagePayUrl(pay),
  )
  return { payUrl }
}

async function queryTrade({ client, clock, log }: Access, attemptNo: string): Promise<GatewayTrade> {
  const trade = await trustedAnswer(log, () => client.query({ outTradeNo: attemptNo }))
  if (!trade.exists) return { state: 'none' }
  // The answer is signed for our application; if it is about another trade, somebody is replaying an old answer.
  if (trade.outTradeNo !== attemptNo) throw new ShopError('GATEWAY_UNAVAILABLE')
  const { tradeNo, tradeStatus, sendPayDate } = trade
  if (tradeStatus === 'WAIT_BUYER_PAY') return { state: 'waiting', tradeNo }
  // TRADE_CLOSED also covers trades refunded in full; only those have a time of payment, when the seller got the money.
  // If the gateway leaves it out, the trade is read as never paid, which grants nothing.
  if (tradeStatus === 'TRADE_CLOSED' && !sendPayDate) return { state: 'closed', tradeNo }
  const isRefunded = tradeStatus === 'TRADE_CLOSED'
  return { state: 'paid', tradeNo, amount: toFen(trade.totalAmount), paidAt: sendPayDate ?? clock(), isRefunded }
}

async function payBack({ client, log }: Access, refund: RefundToSend): Promise<RefundAnswer> {
  const { amount, reason, tries } = refund
  const trade = refundOf(refund)
  const answer = await trustedAnswer(log, () =>
    client.refund({ ...trade, refundAmount: amount, refundReason: allowedSubject(reason) }),
  )
  if (answer.ok && answer.fundChange) return { state: 'succeeded', at: answer.gmtRefundPay }
  // Refused, or this call moved nothing: an earlier call may have refunded all the same. Only the gateway's books
  // can tell.
  const made = await trustedAnswer(log, () => client.refundQuery(refundToLookUp(refund)))
  // guard: unknown-is-no-refusal
  if (made.ok && made.refunded) return { state: 'succeeded', at: made.gmtRefundPay }
  const refusal = answer.ok ? 'the gateway has not made the refund yet' : `${answer.subCode}: ${answer.meaning}`
  // The gateway's books may lag behind by seconds, so a refusal is final only after it has been repeated for a
  // while.
  const final = !answer.ok && answer.repeat !== 'same' && tries >= TRIES_BEFORE_REFUSED
  const none = hasNone(made)
  return final && none ? { state: 'refused', refusal } : { state: 'later', refusal, unmade: !answer.ok && none }
}

/** Whether a query that found no refund says that there is none: one that is refused as well says nothing. */
const hasNone = (query: { ok: true } | { ok: false; subCode: string }): boolean =>
  query.ok || NO_TRADE.includes(query.subCode)

/** Without an answer that can be trusted the outcome is unknown, and nothing may be concluded. */
async function trustedAnswer<Answer>(log: Logger, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await fieldsChecked(log, call)
  } catch (error) {
    if (!(error instanceof AlipayError)) throw error
    log.warn({ code: error.code, reason: error.message.split('\n')[0] }, 'the gateway gave no believable answer')
    throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 5, cause: error })
  }
}

function refused({ code, message, parameters }: Refused, body: Buffer): ReadNotification {
  // The number that an unverified message claims is stored only so that staff can find it; nothing acts on it.
  const claimed = (name: string) => {
    const value = parameters?.get(name)
    return value === undefined ? undefined : cutText(value, 64)
  }
  return {
    checks: [{ check: 'signature', passed: false, detail: `${code}: ${message}` }],
    probe: body.equals(Buffer.from(NOTIFY_PROBE)),
    ...defined({ attemptNo: claimed('out_trade_no'), tradeNo: claimed('trade_no'), notifyId: claimed('notify_id') }),
  }
}

/**
 * The checks that Alipay requires of every merchant, after the signature ("Asynchronous notification: mandatory
 * checks").
 */
function checkNotice(notice: Notification, settings: AlipaySettings, clock: Clock): ReadNotification {
  const paidStatus = notice.tradeStatus === 'TRADE_SUCCESS' || notice.tradeStatus === 'TRADE_FINISHED'
  const aboutRefund = notice.refundFee !== undefined
  // `wap.pay` payments also report that they timed out unpaid. We close an order only after a query, not because of
  // this.
  const closed = notice.tradeStatus === 'TRADE_CLOSED'
  const checks: Check[] = [
    { check: 'signature', passed: true },
    // guard: alipay-application
    ours('application', notice.appId, settings.appId),
    // guard: alipay-seller
    ours('seller', notice.sellerId, settings.sellerId),
    { check: 'status', passed: paidStatus || aboutRefund || closed, detail: notice.tradeStatus },
  ]
  const ids = { attemptNo: notice.outTradeNo, tradeNo: notice.tradeNo, notifyId: notice.notifyId }
  if (!checks.every((check) => check.passed)) return { checks, ...ids }
  // Refunds are notified to the payment's address too; our own books have what was refunded.
  if (aboutRefund || closed) return { checks, ...ids, nothingToDo: true }
  const { outTradeNo: attemptNo, tradeNo, gmtPayment } = notice
  return { checks, ...ids, paid: { attemptNo, tradeNo, amount: fenOf(notice), paidAt: gmtPayment ?? clock() } }
}

const fenOf = (notice: Notification): Fen => toFen(Math.max(0, notice.totalAmount))

function defined<Fields extends Record<string, string | undefined>>(
  fields: Fields,
): { [Key in keyof Fields]?: string } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: string
  }
}

/**
 * The gateway refuses `/`, `=` and `&` in a subject, and more than 256 characters. Bills do not quote anything: a comma
 * in a subject would look like a column separator, and could make the whole day's bill unreadable.
 */
export const allowedSubject = (subject: string): string =>
  cutText(subject.replaceAll(',', '，').replace(/[/=&]/g, ' ').replace(/\s+/g, ' ').trim(), 200) || 'Xuecheng'
