/** Alipay from the command line, with the shop's own settings. */

import { type Command, required, UsageError } from '../../../cli/command.ts'
import { systemClock } from '../../../clock.ts'
import type { Config } from '../../../config.ts'
import { createLog } from '../../../log.ts'
import { parseYuan } from '../../../money.ts'
import { type AlipayProvider, createAlipayProvider } from './provider.ts'
import { readAlipaySettings } from './settings.ts'

function openAlipay(config: Config): AlipayProvider {
  const settings = readAlipaySettings(config)
  if (!settings)
    throw new Error('Alipay is not set up. Start the shop once with its sandbox, or set ALIPAY_APP_ID and the keys.')
  return createAlipayProvider(settings, systemClock, createLog('silent', 'cli'))
}

export const alipayPayUrl: Command = {
  usage: '--out-trade-no N --amount 9.90 --subject S',
  summary: 'Prints a signed payment address',
  options: { 'out-trade-no': { type: 'string' }, amount: { type: 'string' }, subject: { type: 'string' } },
  async run(call) {
    const { client, settings } = openAlipay(call.config)
    const totalAmount = parseYuan(required(call, 'amount'))
    if (totalAmount === undefined) throw new UsageError('--amount is no amount in yuan, such as 9.90')
    const payUrl = await client.pagePayUrl({
      outTradeNo: required(call, 'out-trade-no'),
      totalAmount,
      subject: required(call, 'subject'),
      returnUrl: settings.returnUrl,
      notifyUrl: settings.notifyUrl,
    })
    return { text: payUrl, data: { payUrl } }
  },
}

export const alipayVerify: Command = {
  usage: "'QUERY-STRING'",
  summary: 'Verifies a return or a notification and prints its fields; exit 0 valid, 1 not',
  options: {},
  async run({ config, positionals }) {
    const query = positionals[0]
    if (!query) throw new UsageError('The query string is missing')
    const { client } = openAlipay(config)
    const read = /(^|[?&])method=alipay\.trade\.\w+\.pay\.return(&|$)/.test(query)
      ? await client.verifyReturn(query)
      : await client.verifyNotification(query.replace(/^[^?=&]*\?/, ''), 'application/x-www-form-urlencoded')
    const fields = Object.fromEntries(read.parameters ?? [])
    if (!read.ok) {
      const signed = read.canonical === undefined ? '' : `\nSigned string: ${read.canonical}`
      return {
        text: `NOT VALID ${read.code}: ${read.message}${signed}`,
        data: { valid: false, code: read.code, message: read.message, fields },
        exitCode: 1,
      }
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}=${value}`)
    return { text: ['VALID', ...lines].join('\n'), data: { valid: true, fields } }
  },
}
