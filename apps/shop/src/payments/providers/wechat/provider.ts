/** WeChat Pay behind the shop's provider interface. */
import {
  type Notification,
  type PaymentNotification,
  type Refused,
  type WechatPay,
  WechatPayError,
} from '@xuecheng/wechatpay'
import type { Logger } from 'pino'
import type { Clock } from '../../../clock.ts'
import { ShopError } from '../../../errors.ts'
import { isLoopbackUrl } from '../../../live.ts'
import { toFen } from '../../../money.ts'
import { isPublicAddress } from '../../../public-address.ts'
import { bytesOf, cutText } from '../../../text/cut-text.ts'
import type {
  AttemptToPay,
  Check,
  Client,
  GatewayTrade,
  LinkRefused,
  PaymentProvider,
  ReadNotification,
  RefundAnswer,
  RefundToSend,
  RequestedLink,
} from '../../contract.ts'
import { fieldsChecked, ours } from '../adapter.ts'
import { merchantName } from '../definition.ts'
import { readBill } from './bill.ts'
import { NOTIFY_PROBE, openClient, type WechatSettings } from './settings.ts'

export interface WechatProvider extends PaymentProvider {
  readonly merchant: string
  readonly client: WechatPay
  readonly settings: WechatSettings
}

const GATEWAY_LIMIT_MS = 8000
/** "At least a minute between partial refunds of one order"; clocks and networks are not that exact. */
const REFUND_GAP_MS = 62_000
const TRIES_BEFORE_REFUSED = 4
/** "Creating orders: results": a code is valid for two hours, an H5 address for five minutes. */
const CODE_LIVES_MS = 2 * 3_600_000
const H5_LIVES_MS = 5 * 60_000

/** One merchant's access to the gateway. */
interface Access {
  readonly client: WechatPay
  readonly settings: WechatSettings
  readonly clock: Clock
}

export function createWechatProvider(settings: WechatSettings, clock: Clock, log: Logger): WechatProvider {
  const client = openClient(settings, {
    timeoutMs: GATEWAY_LIMIT_MS,
    clock,
    log: (entry) => log.debug(entry, 'gateway call'),
  })
  const access: Access = { client, settings, clock }
  // The sandbox's port may change at the next start.
  const merchantOf = (appId: string) => merchantName(settings.baseUrl, settings.sandbox, settings.mchId, appId)
  return {
    name: 'wechat',
    merchant: merchantOf(settings.appId),
    client,
    settings,
    refundGapMs: REFUND_GAP_MS,
    channelFor: ({ device, address }) =>
      device === 'phone' && settings.h5 && mayOpenH5(settings, address) ? 'h5' : 'native',
    links: {
      signed: 'at the gateway',
      request: (attempt, payerClient) => trustedAnswer(log, () => requestLink(access, attempt, payerClient)),
    },
    queryTrade: (attemptNo) => trustedAnswer(log, () => queryTrade(access, attemptNo)),
    async close(attemptNo) {
      // If it is refused, the order is paid or closed already: the caller queries it afterwards.
      await trustedAnswer(log, () => client.close({ outTradeNo: attemptNo }))
    },
    refund: (refund) => trustedAnswer(log, () => payBack(access, refund)),
    async queryRefund({ requestNo }) {
      const made = await trustedAnswer(log, () => client.refundQuery({ outRefundNo: requestNo }))
      if (!made.ok) return undefined
      return made.exists ? answerOf(made, 1) : { state: 'none' }
    },
    bill: (day) => trustedAnswer(log, () => readBill(day, clock(), () => client.tradeBill(day), merchantOf)),
    async readNotification({ body, headers, receivedAt }) {
      const read = await client.verifyNotification(body, headers, { at: receivedAt })
      return read.ok ? checkNotice(read, settings, clock) : refusedNotice(read, body)
    },
  }
}

/**
 * An H5 order contains the payer's address, and WeChat opens none for 127.0.0.1 or a private network: the buyer then
 * scans a code. Buyers of a gateway on this machine are on this machine too.
 */
function mayOpenH5(settings: WechatSettings, address: string): boolean {
  const isHere = settings.sandbox || isLoopbackUrl(settings.baseUrl)
  return isHere ? address !== '' : isPublicAddress(address)
}

async function requestLink(
  { client, settings, clock }: Access,
  attempt: AttemptToPay,
  payerClient: Client,
): Promise<RequestedLink | LinkRefused> {
  const { attemptNo, orderNo, amount, subject, expiresAt } = attempt
  const order = {
    outTradeNo: attemptNo,
    total: amount,
    description: allowedDescription(subject),
    timeExpire: expiresAt,
    notifyUrl: settings.notifyUrl,
  }
  const lives = (ms: number) => new Date(Math.min(clock().getTime() + ms, expiresAt.getTime()))
  if (attempt.channel === 'h5') {
    const made = await client.h5({ ...order, payerClientIp: payerClient.address, h5Type: 'Wap' })
    if (!made.ok) return { refusal: `${made.code}: ${made.meaning}` }
    const back = `${settings.returnUrl}?order=${orderNo}`
    return { link: { payUrl: `${made.h5Url}&redirect_url=${encodeURIComponent(back)}` }, until: lives(H5_LIVES_MS) }
  }
  const made = await client.native(order)
  if (!made.ok) return { refusal: `${made.code}: ${made.meaning}` }
  const { codeUrl } = made
  const phone = settings.sandbox && { scanUrl: `${settings.baseUrl}/wechat/scan?code=${encodeURIComponent(codeUrl)}` }
  return { link: { codeUrl, ...phone }, until: lives(CODE_LIVES_MS) }
}

async function queryTrade({ client, settings, clock }: Access, attemptNo: string): Promise<GatewayTrade> {
  const trade = await client.query({ outTradeNo: attemptNo })
  if (!trade.exists) return { state: 'none' }
  // The answer is signed for us; if it is about another order, somebody is replaying an old answer. The application
  // may be a retired one: numbers belong to the merchant.
  if (trade.outTradeNo !== attemptNo || trade.mchId !== settings.mchId) throw new ShopError('GATEWAY_UNAVAILABLE')
  if (trade.tradeState === 'CLOSED' || trade.tradeState === 'REVOKED') return { state: 'closed' }
  // "REFUND" means that it was paid; only refund queries tell how much was refunded.
  if (trade.tradeState !== 'SUCCESS' && trade.tradeState !== 'REFUND') return { state: 'waiting' }
  if (trade.transactionId === undefined) throw new ShopError('GATEWAY_UNAVAILABLE')
  const paidAt = trade.successTime ?? clock()
  const isRefunded = trade.tradeState === 'REFUND'
  return { state: 'paid', tradeNo: trade.transactionId, amount: toFen(trade.total), paidAt, isRefunded }
}

/**
 * After the first try its state is queried first: "accepted" is not final, and the same number never refunds twice.
 */
async function payBack({ client, settings }: Access, refund: RefundToSend): Promise<RefundAnswer> {
  const { attemptNo, requestNo, amount, paid, reason, tries } = refund
  const before = tries > 1 ? await client.refundQuery({ outRefundNo: requestNo }) : undefined
  if (before?.ok && before.exists) return answerOf(before, tries)
  const sent = await client.refund({
    outTradeNo: attemptNo,
    outRefundNo: requestNo,
    refund: amount,
    total: paid,
    reason: allowedReason(reason),
    notifyUrl: settings.notifyUrl,
  })
  if (sent.ok) return answerOf(sent, tries)
  // Refused, but an earlier call may have refunded all the same. Only the gateway's books can tell.
  const made = await client.refundQuery({ outRefundNo: requestNo })
  if (made.ok && made.exists) return answerOf(made, tries)
  const refusal = `${sent.code}: ${sent.meaning}`
  // If the query is refused as well, it says nothing about an earlier call.
  const final = made.ok && sent.repeat !== 'same' && tries >= TRIES_BEFORE_REFUSED
  return final ? { state: 'refused', refusal } : { state: 'later', refusal, unmade: made.ok }
}

/**
 * "Refunds: states": CLOSED is final; ABNORMAL waits until the merchant names another account. The bill lists a refund on
 * the day on which it was accepted.
 */
function answerOf(
  { status, createTime }: { readonly status: string; readonly createTime: Date | undefined },
  tries: number,
): RefundAnswer {
  if (status === 'SUCCESS') return { state: 'succeeded', at: createTime }
  if (status === 'PROCESSING') return { state: 'accepted' }
  if (status === 'CLOSED')
    return { state: 'refused', refusal: 'CLOSED: the gateway has closed the refund', spent: true }
  if (tries < 2) return { state: 'accepted' }
  const refusal = "ABNORMAL: the payer's account takes no money; see to it in the merchant console"
  return { state: 'later', refusal, taken: true }
}

/** Without an answer that can be trusted the outcome is unknown, and nothing may be concluded. */
async function trustedAnswer<Answer>(log: Logger, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await fieldsChecked(log, call)
  } catch (error) {
    if (!(error instanceof WechatPayError)) throw error
    log.warn({ code: error.code, reason: error.message.split('\n')[0] }, 'the gateway gave no believable answer')
    throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 5, cause: error })
  }
}

/** The identifier that an unverified message claims is stored only so that staff can find it; nothing acts on it. */
function refusedNotice({ code, message }: Refused, body: Buffer): ReadNotification {
  const id = /"id"\s*:\s*"([\w-]{1,64})"/.exec(body.toString('latin1'))?.[1]
  return {
    checks: [{ check: 'signature', passed: false, detail: `${code}: ${message}` }],
    probe: body.equals(Buffer.from(NOTIFY_PROBE)),
    ...(id !== undefined && { notifyId: id }),
  }
}

/**
 * The checks that WeChat Pay requires of every merchant, after signature and decryption ("Payment notification:
 * reply").
 */
function checkNotice(notice: Notification, settings: WechatSettings, clock: Clock): ReadNotification {
  if (notice.kind === 'refund') {
    const checks = [{ check: 'signature', passed: true }, ours('seller', notice.mchId, settings.mchId)]
    const ids = { attemptNo: notice.outTradeNo, tradeNo: notice.transactionId, notifyId: notice.id }
    if (!checks.every((check) => check.passed)) return { checks, ...ids }
    return { checks, ...ids, refundNo: notice.outRefundNo, nothingToDo: true }
  }
  return checkPayment(notice, settings, clock)
}

function checkPayment(notice: PaymentNotification, settings: WechatSettings, clock: Clock): ReadNotification {
  const { outTradeNo: attemptNo, transactionId: tradeNo, tradeState } = notice
  const checks: Check[] = [
    { check: 'signature', passed: true },
    // guard: wechat-application
    ours('application', notice.appId, settings.appId),
    // guard: wechat-merchant
    ours('seller', notice.mchId, settings.mchId),
    { check: 'status', passed: tradeState === 'SUCCESS' && tradeNo !== undefined, detail: tradeState },
  ]
  const ids = { attemptNo, ...(tradeNo !== undefined && { tradeNo }), notifyId: notice.id }
  if (tradeNo === undefined || !checks.every((check) => check.passed)) return { checks, ...ids }
  const paidAt = notice.successTime ?? clock()
  return { checks, ...ids, paid: { attemptNo, tradeNo, amount: toFen(Math.max(0, notice.total)), paidAt } }
}

/** At most 127 bytes to be on the safe side, never cutting a character in half. */
export function allowedDescription(subject: string): string {
  const words = subject.replace(/\s+/g, ' ').trim() || 'Xuecheng'
  return cutText(words, 127, bytesOf)
}

const allowedReason = (reason: string): string => cutText(reason.replace(/\s+/g, ' ').trim() || 'refund', 80, bytesOf)
