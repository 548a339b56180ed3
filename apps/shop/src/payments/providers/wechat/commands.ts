/** WeChat Pay's commands, with the shop's own settings: ordering, querying, closing, refunds and the bill. */
import type { RefundKnown, WechatPay } from '@xuecheng/wechatpay'
import { systemClock } from '../../../clock.ts'
import { type Call, type Command, optional, required, UsageError } from '../../../command.ts'
import { writeMoment } from '../../../http/shapes.ts'
import { toFen } from '../../../money.ts'
import { amountOf, answerOf, refused, yuan } from '../answers.ts'
import { readInUse } from '../in-use.ts'
import { WECHAT_FORM } from './form.ts'
import { openClient, readWechatSettings, type WechatSettings } from './settings.ts'

const settingsOf = (call: Call): Promise<WechatSettings> => readInUse(call, WECHAT_FORM, readWechatSettings)

const clientOf = async (call: Call): Promise<WechatPay> => openClient(await settingsOf(call))

const TRADE = { 'out-trade-no': { type: 'string' }, 'trade-no': { type: 'string' } } as const
const CODE_LIVES_MS = 2 * 3_600_000

function tradeOf(call: Call) {
  const outTradeNo = optional(call, 'out-trade-no')
  const transactionId = optional(call, 'trade-no')
  if (outTradeNo) return { outTradeNo }
  if (transactionId) return { transactionId }
  throw new UsageError('--out-trade-no or --trade-no is missing')
}

const payCode: Command = {
  usage: '--out-trade-no N --amount 9.90 --subject S',
  summary: 'Orders a payment and prints the text of its QR code',
  options: { 'out-trade-no': { type: 'string' }, amount: { type: 'string' }, subject: { type: 'string' } },
  async run(call) {
    const settings = await settingsOf(call)
    const made = await openClient(settings).native({
      outTradeNo: required(call, 'out-trade-no'),
      total: amountOf(call),
      description: required(call, 'subject'),
      timeExpire: new Date(systemClock().getTime() + CODE_LIVES_MS),
      notifyUrl: settings.notifyUrl,
    })
    return made.ok ? { text: made.codeUrl, data: { codeUrl: made.codeUrl } } : refused(made)
  },
}

const query: Command = {
  usage: '--out-trade-no N | --trade-no N',
  summary: 'Asks WeChat Pay about a payment',
  options: TRADE,
  async run(call) {
    const trade = await (await clientOf(call)).query(tradeOf(call))
    if (!trade.exists) return answerOf({ exists: false }, true)
    const { transactionId: tradeNo, outTradeNo, tradeState, total, successTime } = trade
    const paidAt = successTime && writeMoment(successTime)
    return answerOf({ exists: true, tradeNo, outTradeNo, tradeState, totalAmount: yuan(total), paidAt })
  },
}

const close: Command = {
  usage: '--out-trade-no N',
  summary: 'Closes a payment that nobody has made yet; its number is spent',
  options: { 'out-trade-no': { type: 'string' } },
  async run(call) {
    const answer = await (await clientOf(call)).close({ outTradeNo: required(call, 'out-trade-no') })
    return answer.ok ? answerOf({ ...answer }) : refused(answer)
  },
}

const refund: Command = {
  usage: '--out-trade-no N | --trade-no N --amount 9.90 --request-no R [--reason S]',
  summary: 'Refunds; the same request number never refunds twice',
  options: { ...TRADE, amount: { type: 'string' }, 'request-no': { type: 'string' }, reason: { type: 'string' } },
  async run(call) {
    const settings = await settingsOf(call)
    const client = openClient(settings)
    const [which, amount] = [tradeOf(call), toFen(amountOf(call))]
    const requestNo = required(call, 'request-no')
    // WeChat Pay requires the total amount of a payment that is refunded in part.
    const trade = await client.query(which)
    if (!trade.exists) return answerOf({ exists: false }, true)
    const answer = await client.refund({
      ...which,
      refund: amount,
      total: trade.total,
      outRefundNo: requestNo,
      reason: optional(call, 'reason'),
      notifyUrl: settings.notifyUrl,
    })
    if (!answer.ok) return refused(answer)
    const said = answerOf(saidOf(answer))
    const { transactionId: tradeNo } = trade
    // One that is only accepted is in the day's bill, and recorded from there.
    if (answer.status !== 'SUCCESS' || tradeNo === undefined) return said
    return { ...said, refunded: { provider: WECHAT_FORM.name, tradeNo, requestNo, amount, at: answer.createTime } }
  },
}

const refundQuery: Command = {
  usage: '--request-no R',
  summary: 'Asks what became of a refund',
  options: { 'request-no': { type: 'string' } },
  async run(call) {
    const answer = await (await clientOf(call)).refundQuery({ outRefundNo: required(call, 'request-no') })
    if (!answer.ok) return refused(answer)
    if (!answer.exists) return answerOf({ ok: true, exists: false }, true)
    return answerOf(saidOf(answer))
  },
}

/** A refund that was accepted is not finished: the status says how far it is. */
const saidOf = ({ outRefundNo, refundId, status, refund: amount, successTime }: RefundKnown) => ({
  ok: true,
  outRefundNo,
  refundId,
  status,
  refundAmount: yuan(amount),
  refundedAt: successTime && writeMoment(successTime),
})

const bill: Command = {
  usage: '--date YYYY-MM-DD',
  summary: "Fetches a day's trade bill, checks its hash and its own totals, and prints its rows",
  options: { date: { type: 'string' } },
  async run(call) {
    const answer = await (await clientOf(call)).tradeBill(required(call, 'date'))
    if ('ok' in answer) return refused(answer)
    const { rows } = answer
    const lines = rows.map(({ kind, transactionId, outTradeNo, outRefundNo, total, refund: back }) =>
      [kind, transactionId, outTradeNo, outRefundNo, yuan(kind === 'payment' ? total : back)].join('\t'),
    )
    return { text: [`${rows.length} rows`, ...lines].join('\n'), data: answer }
  },
}

export const WECHAT_COMMANDS: Readonly<Record<string, Command>> = {
  'wechat pay-code': payCode,
  'wechat query': query,
  'wechat refund': refund,
  'wechat refund-query': refundQuery,
  'wechat close': close,
  'wechat bill': bill,
}
