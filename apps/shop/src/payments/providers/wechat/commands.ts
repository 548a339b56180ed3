/** WeChat Pay from the command line, with the shop's own settings: ordering, asking, closing, refunds and the bill. */
import type { RefundKnown, WechatPay } from '@xuecheng/wechatpay'
import { systemClock } from '../../../clock.ts'
import { type Call, type Command, optional, required, UsageError } from '../../../command.ts'
import type { Config } from '../../../config.ts'
import { amountOf, told, yuan } from '../answers.ts'
import { openClient, readWechatSettings, type WechatSettings } from './settings.ts'

function settingsOf(config: Config): WechatSettings {
  const settings = readWechatSettings(config)
  if (settings) return settings
  throw new Error(
    'WeChat Pay is not set up. Start the shop once with its sandbox, or set WECHATPAY_MCH_ID and the keys.',
  )
}

const clientOf = (config: Config): WechatPay => openClient(settingsOf(config))

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
    const made = await clientOf(call.config).native({
      outTradeNo: required(call, 'out-trade-no'),
      total: amountOf(call, 'amount'),
      description: required(call, 'subject'),
      timeExpire: new Date(systemClock().getTime() + CODE_LIVES_MS),
      notifyUrl: settingsOf(call.config).notifyUrl,
    })
    return made.ok ? { text: made.codeUrl, data: { codeUrl: made.codeUrl } } : told({ ...made }, true)
  },
}

const query: Command = {
  usage: '--out-trade-no N | --trade-no N',
  summary: 'Asks WeChat Pay about a payment',
  options: TRADE,
  async run(call) {
    const trade = await clientOf(call.config).query(tradeOf(call))
    if (!trade.exists) return told({ exists: false }, true)
    const { transactionId: tradeNo, outTradeNo, tradeState, total, successTime } = trade
    const paidAt = successTime?.toISOString()
    return told({ exists: true, tradeNo, outTradeNo, tradeState, totalAmount: yuan(total), paidAt })
  },
}

const close: Command = {
  usage: '--out-trade-no N',
  summary: 'Closes a payment that nobody has made yet; its number is spent',
  options: { 'out-trade-no': { type: 'string' } },
  async run(call) {
    const answer = await clientOf(call.config).close({ outTradeNo: required(call, 'out-trade-no') })
    return told({ ...answer }, !answer.ok)
  },
}

const refund: Command = {
  usage: '--out-trade-no N | --trade-no N --amount 9.90 --request-no R [--reason S]',
  summary: 'Refunds; the same request number never refunds twice',
  options: { ...TRADE, amount: { type: 'string' }, 'request-no': { type: 'string' }, reason: { type: 'string' } },
  async run(call) {
    const client = clientOf(call.config)
    const [which, amount] = [tradeOf(call), amountOf(call, 'amount')]
    // WeChat Pay wants to be told the whole amount of what is paid back in part.
    const trade = await client.query(which)
    if (!trade.exists) return told({ exists: false }, true)
    const answer = await client.refund({
      ...which,
      refund: amount,
      total: trade.total,
      outRefundNo: required(call, 'request-no'),
      reason: optional(call, 'reason'),
      notifyUrl: settingsOf(call.config).notifyUrl,
    })
    return answer.ok ? told(saidOf(answer)) : told({ ...answer }, true)
  },
}

const refundQuery: Command = {
  usage: '--request-no R',
  summary: 'Asks what became of a refund',
  options: { 'request-no': { type: 'string' } },
  async run(call) {
    const answer = await clientOf(call.config).refundQuery({ outRefundNo: required(call, 'request-no') })
    if (!answer.ok) return told({ ...answer }, true)
    if (!answer.exists) return told({ ok: true, exists: false }, true)
    return told(saidOf(answer))
  },
}

/** Accepted is no end yet: the status says which it is. */
const saidOf = ({ outRefundNo, refundId, status, refund: amount, successTime }: RefundKnown) => ({
  ok: true,
  outRefundNo,
  refundId,
  status,
  refundAmount: yuan(amount),
  refundedAt: successTime?.toISOString(),
})

const bill: Command = {
  usage: '--date YYYY-MM-DD',
  summary: "Fetches a day's trade bill, checks its hash and its own totals, and prints its rows",
  options: { date: { type: 'string' } },
  async run(call) {
    const answer = await clientOf(call.config).tradeBill(required(call, 'date'))
    if ('ok' in answer) return told({ ...answer }, true)
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
