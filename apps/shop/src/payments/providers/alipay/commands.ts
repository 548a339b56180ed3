/** Alipay's commands, with the shop's own settings: its six API methods, its keys and their diagnostics. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Alipay, type BillRow, createVerifier, generateKeys } from '@xuecheng/alipay'
import { type Call, type Command, optional, required, UsageError } from '../../../command.ts'
import { writeMoment } from '../../../http/shapes.ts'
import { toFen } from '../../../money.ts'
import { amountOf, answerOf, refused, signedYuan, yuan } from '../answers.ts'
import { readInUse, settingsInUse } from '../in-use.ts'
import { ALIPAY_FORM } from './form.ts'
import { type AlipaySettings, openClient, readAlipaySettings, readGatewayKey } from './settings.ts'

const settingsOf = (call: Call): Promise<AlipaySettings> => readInUse(call, ALIPAY_FORM, readAlipaySettings)

const clientOf = async (call: Call): Promise<Alipay> => openClient(await settingsOf(call))

const TRADE = { 'out-trade-no': { type: 'string' }, 'trade-no': { type: 'string' } } as const

function tradeOf(call: Parameters<Command['run']>[0]) {
  const outTradeNo = optional(call, 'out-trade-no')
  const tradeNo = optional(call, 'trade-no')
  if (!outTradeNo && !tradeNo) throw new UsageError('--out-trade-no or --trade-no is missing')
  return { outTradeNo, tradeNo }
}

const payUrl: Command = {
  usage: '--out-trade-no N --amount 9.90 --subject S',
  summary: 'Prints a signed payment address',
  options: { 'out-trade-no': { type: 'string' }, amount: { type: 'string' }, subject: { type: 'string' } },
  async run(call) {
    const settings = await settingsOf(call)
    const { notifyUrl, returnUrl } = settings
    const address = await openClient(settings).pagePayUrl({
      outTradeNo: required(call, 'out-trade-no'),
      totalAmount: amountOf(call),
      subject: required(call, 'subject'),
      returnUrl,
      notifyUrl,
    })
    return { text: address, data: { payUrl: address } }
  },
}

const verify: Command = {
  usage: "'QUERY-STRING'",
  summary:
    "Verifies a return or a notification by Alipay's public key alone and prints its fields; exit 0 valid, 1 not",
  options: {},
  async run(call) {
    const query = call.positionals[0]
    if (!query) throw new UsageError('The query string is missing')
    const { config } = await settingsInUse(call, ALIPAY_FORM)
    const verifier = createVerifier({ alipayPublicKey: readGatewayKey(config) })
    const read = /(^|[?&])method=alipay\.trade\.\w+\.pay\.return(&|$)/.test(query)
      ? await verifier.verifyReturn(query)
      : await verifier.verifyNotification(query.replace(/^[^?=&]*\?/, ''), 'application/x-www-form-urlencoded')
    const fields = Object.fromEntries(read.parameters ?? [])
    if (!read.ok) {
      const signed = read.canonical === undefined ? '' : `\nSigned string: ${read.canonical}`
      const data = { valid: false, code: read.code, message: read.message, fields }
      return { text: `NOT VALID ${read.code}: ${read.message}${signed}`, data, exitCode: 1 }
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}=${value}`)
    return { text: ['VALID', ...lines].join('\n'), data: { valid: true, fields } }
  },
}

const query: Command = {
  usage: '--out-trade-no N | --trade-no N',
  summary: 'Asks the gateway about a trade',
  options: TRADE,
  async run(call) {
    const trade = await (await clientOf(call)).query(tradeOf(call))
    if (!trade.exists) return { ...answerOf({ exists: false }), exitCode: 1 }
    const { tradeNo, outTradeNo, tradeStatus, totalAmount, sendPayDate } = trade
    return answerOf({
      exists: true,
      tradeNo,
      outTradeNo,
      tradeStatus,
      totalAmount: yuan(totalAmount),
      sendPayDate: sendPayDate && writeMoment(sendPayDate),
    })
  },
}

const refund: Command = {
  usage: '--out-trade-no N --amount 9.90 --request-no R [--reason S]',
  summary: 'Refunds; the same request number never refunds twice',
  options: { ...TRADE, amount: { type: 'string' }, 'request-no': { type: 'string' }, reason: { type: 'string' } },
  async run(call) {
    const [amount, requestNo] = [toFen(amountOf(call)), required(call, 'request-no')]
    const client = await clientOf(call)
    const trade = tradeOf(call)
    const refundReason = optional(call, 'reason')
    const answer = await client.refund({ ...trade, refundAmount: amount, outRequestNo: requestNo, refundReason })
    if (!answer.ok) return refused(answer)
    const { tradeNo, outTradeNo, fundChange, refundFee, gmtRefundPay: at } = answer
    const said = answerOf({ ok: true, tradeNo, outTradeNo, fundChange, refundedInAll: yuan(refundFee) })
    // A repeat moves nothing, but the first call may have been cut off before it was in the books.
    const before = fundChange ? undefined : await client.refundQuery({ ...trade, outRequestNo: requestNo })
    const isMade = fundChange || (before?.ok && before.refunded)
    return isMade ? { ...said, refunded: { provider: ALIPAY_FORM.name, tradeNo, requestNo, amount, at } } : said
  },
}

const refundQuery: Command = {
  usage: '--out-trade-no N --request-no R',
  summary: 'Asks whether a refund was made',
  options: { ...TRADE, 'request-no': { type: 'string' } },
  async run(call) {
    const answer = await (await clientOf(call)).refundQuery({
      ...tradeOf(call),
      outRequestNo: required(call, 'request-no'),
    })
    if (!answer.ok) return refused(answer)
    if (!answer.refunded) return { ...answerOf({ ok: true, refunded: false }), exitCode: 1 }
    return answerOf({ ok: true, refunded: true, refundAmount: yuan(answer.refundAmount) })
  },
}

const close: Command = {
  usage: '--out-trade-no N | --trade-no N',
  summary: 'Closes a trade that waits for payment',
  options: TRADE,
  async run(call) {
    const answer = await (await clientOf(call)).close(tradeOf(call))
    return answer.ok ? answerOf({ ...answer }) : refused(answer)
  },
}

/** The columns that identify a row and show its amounts, in yuan; everything else is in the data. */
const BILL_COLUMNS: readonly [title: string, cell: (row: BillRow) => string][] = [
  ['kind', ({ kind }) => kind],
  ['tradeNo', ({ tradeNo }) => tradeNo],
  ['outTradeNo', ({ outTradeNo }) => outTradeNo],
  ['refundRequestNo', ({ refundRequestNo }) => refundRequestNo],
  ['orderAmount', ({ orderAmount }) => signedYuan(orderAmount)],
  ['receiptAmount', ({ receiptAmount }) => signedYuan(receiptAmount)],
  ['serviceFee', ({ serviceFee }) => signedYuan(serviceFee)],
  ['completedAt', ({ completedAt }) => writeMoment(completedAt)],
  ['subject', ({ subject }) => subject],
]

const bill: Command = {
  usage: '--date YYYY-MM-DD [--out FILE.zip]',
  summary: "Fetches a day's trade bill, checks it against its own totals and prints its rows",
  options: { date: { type: 'string' }, out: { type: 'string' } },
  async run(call) {
    const client = await clientOf(call)
    const billDate = required(call, 'date')
    const out = optional(call, 'out')
    if (out) {
      const archive = await client.downloadBill({ billType: 'trade', billDate })
      if (!Buffer.isBuffer(archive)) return refused(archive)
      writeFileSync(out, archive)
      return { text: `wrote ${out} (${archive.length} bytes)`, data: { file: out, bytes: archive.length } }
    }
    const answer = await client.tradeBill(billDate)
    if ('ok' in answer && !answer.ok) return refused(answer)
    const { rows } = answer as Exclude<typeof answer, { ok: false }>
    const lines = rows.map((row) => BILL_COLUMNS.map(([, cell]) => cell(row)).join('\t'))
    const titles = BILL_COLUMNS.map(([title]) => title).join('\t')
    return { text: [`${rows.length} rows`, titles, ...lines].join('\n'), data: answer }
  },
}

const keysGenerate: Command = {
  usage: '[--out DIR] [--format pkcs1|pkcs8]',
  summary: "Makes an RSA-2048 pair and prints the bare public key to paste into Alipay's console",
  options: { out: { type: 'string' }, format: { type: 'string' } },
  async run(call) {
    const format = optional(call, 'format') ?? 'pkcs8'
    if (format !== 'pkcs1' && format !== 'pkcs8') throw new UsageError('--format is neither pkcs1 nor pkcs8')
    const folder = optional(call, 'out') ?? '.'
    const files = { privateKey: join(folder, 'app_private_key.pem'), publicKey: join(folder, 'app_public_key.pem') }
    for (const file of Object.values(files))
      if (existsSync(file)) throw new Error(`${file} is there already; nothing was written over it`)
    const keys = await generateKeys({ format })
    mkdirSync(folder, { recursive: true })
    writeFileSync(files.privateKey, keys.privateKey, { mode: 0o600, flag: 'wx' })
    writeFileSync(files.publicKey, keys.publicKey, { flag: 'wx' })
    const advice = `Wrote ${files.privateKey} (keep it secret) and ${files.publicKey}.\nPaste this into the console as the application's public key (应用公钥):`
    return { text: `${advice}\n${keys.publicKeyBase64}`, data: { ...files, publicKey: keys.publicKeyBase64, files } }
  },
}

export const ALIPAY_COMMANDS: Readonly<Record<string, Command>> = {
  'keys generate': keysGenerate,
  'alipay pay-url': payUrl,
  'alipay verify': verify,
  'alipay query': query,
  'alipay refund': refund,
  'alipay refund-query': refundQuery,
  'alipay close': close,
  'alipay bill': bill,
}
