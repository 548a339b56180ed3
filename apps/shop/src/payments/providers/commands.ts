/** The command line of every provider, and the doctor of all of them. */
import { systemClock } from '../../clock.ts'
import { type Command, optional } from '../../command.ts'
import { languageOf, writeFinding } from '../../finding.ts'
import { ALIPAY_COMMANDS, examineAlipay } from './alipay/commands.ts'
import { WECHAT_COMMANDS } from './wechat/commands.ts'
import { WECHAT } from './wechat/kind.ts'

const keysCheck: Command = {
  usage: '[--app-public-key FILE] [--lang zh|en]',
  summary: 'Says in one line each whether every key, the gateways, the clock and the notify addresses are right',
  options: { 'app-public-key': { type: 'string' }, lang: { type: 'string' } },
  async run(call) {
    const language = languageOf(optional(call, 'lang') ?? call.config.environment['LANG'])
    const findings = [
      ...(await examineAlipay(call, language)),
      ...(await WECHAT.examine(call.config, systemClock, language)),
    ]
    const bad = findings.some(({ verdict }) => verdict === 'problem' || verdict === 'unknown')
    const text = findings.map((finding) => writeFinding(finding, language)).join('\n')
    return { text, data: { findings }, exitCode: bad ? 1 : 0 }
  },
}

export const PROVIDER_COMMANDS: Readonly<Record<string, Command>> = {
  ...ALIPAY_COMMANDS,
  ...WECHAT_COMMANDS,
  'keys check': keysCheck,
}
