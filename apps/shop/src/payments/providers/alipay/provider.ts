/** Alipay behind the shop's provider interface. */
import { type Alipay, AlipayError, type Notification, type Refused } from '@xuecheng/alipay'
import type { Logger } from 'pino'
import type { Clock } from '../../../clock.ts'
import { ShopError } from '../../../errors.ts'
import { type Fen, toFen } from '../../../money.ts'
import { ours } from '../ours.ts'
import type { Check, GatewayTrade, PaymentProvider, ReadNotification, RefundAnswer, RefundRef } from '../provider.ts'
import { readBill } from './bill.ts'
import { NOTIFY_PROBE } from './notify-probe.ts'
import { type AlipaySettings, openClient } from './settings.ts'

export interface AlipayProvider extends PaymentProvider {
  readonly merchant: string
  readonly client: Alipay
  readonly settings: AlipaySettings
}

const GATEWAY_LIMIT_MS = 8000
/** The queue waits 3, 7 and 20 seconds between the first tries. */
const TRIES_BEFORE_REFUSED = 4
/** Where there is no trade, no refund was made of it. */
const NO_TRADE: readonly string[] = ['ACQ.TRADE_NOT_EXIST', 'TRADE_NOT_EXIST']

const refundOf = ({ tradeNo, attemptNo, requestNo }: RefundRef) => ({
  tradeNo,
  outTradeNo: attemptNo,
  outRequestNo: requestNo,
})

export function createAlipayProvider(settings: AlipaySettings, clock: Clock, log: Logger): AlipayProvider {
  const client = openClient(settings, {
    timeoutMs: GATEWAY_LIMIT_MS,
    clock,
    log: (entry) => log.debug(entry, 'gateway call'),
  })
  return {
    name: 'alipay',
    // The sandbox's port may be another one at the next start.
    merchant: `${settings.sandbox ? 'sandbox' : settings.gateway} ${settings.appId}`,
    client,
    settings,

    channelFor: () => 'page',
    links: {
      made: 'here',
      async sign({ attemptNo, amount, subject, expiresAt }) {
        const payUrl = await client.pagePayUrl({
          outTradeNo: attemptNo,
          totalAmount: amount,
          subject: allowedSubject(subject),
          timeExpire: expiresAt,
          goodsType: '0',
          returnUrl: settings.returnUrl,
          notifyUrl: settings.notifyUrl,
        })
        return { payUrl }
      },
    },

    async ask(attemptNo): Promise<GatewayTrade> {
      const trade = await believable(log, () => client.query({ outTradeNo: attemptNo }))
      if (!trade.exists) return { state: 'none' }
      // The answer is signed for our application; that it is about another trade would be somebody replaying one.
      if (trade.outTradeNo !== attemptNo) throw new ShopError('GATEWAY_UNAVAILABLE')
      const { tradeNo, tradeStatus, sendPayDate } = trade
      if (tradeStatus === 'WAIT_BUYER_PAY') return { state: 'waiting', tradeNo }
      // Closed is also what was refunded in full. That alone has a time of payment, which is when the seller got the money;
      // should the gateway leave it out, the trade is read as never paid, which gives nobody anything.
      if (tradeStatus === 'TRADE_CLOSED' && !sendPayDate) return { state: 'closed', tradeNo }
      return { state: 'paid', tradeNo, amount: toFen(trade.totalAmount), paidAt: sendPayDate ?? clock() }
    },

    async close(attemptNo) {
      await believable(log, () => client.close({ outTradeNo: attemptNo }))
    },

    async refund({ amount, reason, tries, ...refund }): Promise<RefundAnswer> {
      const trade = refundOf(refund)
      const answer = await believable(log, () =>
        client.refund({ ...trade, refundAmount: amount, refundReason: allowedSubject(reason) }),
      )
      if (answer.ok && answer.fundChange) return { state: 'succeeded' }
      // Refused, or nothing moved with this call: an earlier one may have acted all the same. Only its books tell.
      const made = await believable(log, () => client.refundQuery(trade))
      if (made.ok && made.refunded) return { state: 'succeeded' }
      const refusal = answer.ok ? 'the gateway has not made the refund yet' : `${answer.subCode}: ${answer.meaning}`
      // Its books may lag behind by seconds, so a refusal is final only once it has been repeated for a while.
      const final = !answer.ok && answer.repeat !== 'same' && tries >= TRIES_BEFORE_REFUSED
      // A question that is refused as well says nothing about an earlier call.
      const none = made.ok || NO_TRADE.includes(made.subCode)
      return { state: final && none ? 'refused' : 'later', refusal }
    },

    async lookForRefund(refund): Promise<RefundAnswer | undefined> {
      const made = await believable(log, () => client.refundQuery(refundOf(refund)))
      return made.ok && made.refunded ? { state: 'succeeded' } : undefined
    },

    bill: (day) => believable(log, () => readBill(day, clock(), () => client.tradeBill(day), settings.feeRate)),

    async readNotification({ body, contentType }): Promise<ReadNotification> {
      const read = await client.verifyNotification(body, contentType)
      return read.ok ? judge(read, settings, clock) : refused(read, body)
    },
  }
}

/** Without a believable answer nothing is known, and nothing may be concluded. */
async function believable<Answer>(log: Logger, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof AlipayError)) throw error
    log.warn({ code: error.code, reason: error.message.split('\n')[0] }, 'the gateway gave no believable answer')
    throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 5, cause: error })
  }
}

function refused({ code, message, parameters }: Refused, body: Buffer): ReadNotification {
  // What an unverified message claims is kept to find it by; nothing acts on it.
  const claimed = (name: string) => {
    const value = parameters?.get(name)
    return value === undefined ? undefined : value.slice(0, 64)
  }
  return {
    checks: [{ check: 'signature', passed: false, detail: `${code}: ${message}` }],
    probe: body.equals(Buffer.from(NOTIFY_PROBE)),
    ...defined({ attemptNo: claimed('out_trade_no'), tradeNo: claimed('trade_no'), notifyId: claimed('notify_id') }),
  }
}

/** The checks that Alipay asks of every merchant, after the signature ("Asynchronous notification: mandatory checks"). */
function judge(notice: Notification, settings: AlipaySettings, clock: Clock): ReadNotification {
  const paidStatus = notice.tradeStatus === 'TRADE_SUCCESS' || notice.tradeStatus === 'TRADE_FINISHED'
  const aboutRefund = notice.refundFee !== undefined
  const checks: Check[] = [
    { check: 'signature', passed: true },
    ours('application', notice.appId, settings.appId),
    ours('seller', notice.sellerId, settings.sellerId),
    { check: 'status', passed: paidStatus || aboutRefund, detail: notice.tradeStatus },
  ]
  const ids = { attemptNo: notice.outTradeNo, tradeNo: notice.tradeNo, notifyId: notice.notifyId }
  if (!checks.every((check) => check.passed)) return { checks, ...ids }
  // A refund is told to the address of the payment; our own books say what was refunded.
  if (aboutRefund) return { checks, ...ids, nothingToDo: true }
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
 * The gateway refuses `/`, `=` and `&` in a subject, and more than 256 characters. Bills quote nothing: a comma of a buyer's
 * would look like a column's end, and enough of them make the whole day's bill unreadable.
 */
export const allowedSubject = (subject: string): string =>
  subject.replaceAll(',', '，').replace(/[/=&]/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 200) || 'Xuecheng'
