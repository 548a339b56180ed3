/** The command line of every provider, and the doctor of all of them. */
import { systemClock } from '../../clock.ts'
import { type Call, type Command, optional } from '../../command.ts'
import { SettingError } from '../../config.ts'
import type { Language } from '../../errors.ts'
import { languageOf, type SaidFinding, writeFinding } from '../../finding.ts'
import { ALIPAY_COMMANDS, examineAlipay } from './alipay/commands.ts'
import { ALIPAY } from './alipay/kind.ts'
import { type InUse, keysFolder, settingsInUse } from './in-use.ts'
import type { ProviderKind } from './kind.ts'
import { KINDS, type Source } from './registry.ts'
import { WECHAT_COMMANDS } from './wechat/commands.ts'

const keysCheck: Command = {
  usage: '[--app-public-key FILE] [--lang zh|en]',
  summary: 'Says in one line each whether every key, the gateways, the clock and the notify addresses are right',
  options: { 'app-public-key': { type: 'string' }, lang: { type: 'string' } },
  async run(call) {
    const language = languageOf(optional(call, 'lang') ?? call.config.environment['LANG'])
    const looked = await Promise.all(KINDS.map((kind) => look(call, kind, language)))
    const examined = looked.filter(({ findings }) => findings.length > 0)
    const unseen = looked.find(({ inUse }) => inUse.unseen)?.inUse.unseen?.[language]
    if (examined.length === 0) throw new Error(NOTHING[language](keysFolder(call.config), unseen))
    const findings = examined.flatMap((each) => each.findings.map((said) => ({ method: each.kind.name, ...said })))
    const bad = findings.some(({ verdict }) => verdict === 'problem' || verdict === 'unknown')
    const [colon, comma] = language === 'en' ? [': ', '; '] : ['：', '；']
    const heads = examined.map(({ kind, inUse }) => [kind.face.title[language], SOURCES[language][inUse.source]])
    const text = [
      heads.map((head) => head.join(colon)).join(comma),
      ...(unseen === undefined ? [] : [UNSEEN[language](unseen)]),
      ...findings.map((finding) => writeFinding(finding, language)),
    ].join('\n')
    const settings = Object.fromEntries(examined.map(({ kind, inUse }) => [kind.name, inUse.source]))
    return { text, data: { settings, findings }, exitCode: bad ? 1 : 0 }
  },
}

interface Looked {
  readonly kind: ProviderKind
  readonly inUse: InUse
  /** None where the method is not set up at all. */
  readonly findings: readonly SaidFinding[]
}

/** A method whose settings are not whole is told of like one whose keys are wrong: the other is examined all the same. */
async function look(call: Call, kind: ProviderKind, language: Language): Promise<Looked> {
  const inUse = await settingsInUse(call, kind)
  try {
    const findings =
      kind.name === ALIPAY.name
        ? await examineAlipay(inUse.config, optional(call, 'app-public-key'), language)
        : await kind.examine(inUse.config, systemClock, language)
    return { kind, inUse, findings }
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    const check = kind.face.title[language]
    return { kind, inUse, findings: [{ check, code: 'SETTING', verdict: 'problem', message: error.message }] }
  }
}

const SOURCES: Readonly<Record<Language, Readonly<Record<Source, string>>>> = {
  en: {
    environment: 'settings of the environment',
    entered: 'settings entered in the back office',
    sandbox: "the sandbox's settings",
  },
  'zh-CN': { environment: '环境变量中的设置', entered: '后台填写的设置', sandbox: '沙箱的设置' },
}

const UNSEEN: Readonly<Record<Language, (why: string) => string>> = {
  en: (why) => `Settings entered in the back office are not examined: ${why}.`,
  'zh-CN': (why) => `后台填写的设置没有检查：${why}。`,
}

const NOTHING: Readonly<Record<Language, (folder: string, unseen: string | undefined) => string>> = {
  en: (folder, unseen) =>
    `no payment method is set up: nothing in the environment, ${unseen ? `what is entered in the back office is not seen (${unseen})` : 'nothing entered in the back office'}, and no keys of the sandbox in ${folder}. Start the shop once with its sandbox, or enter or set a method's keys.`,
  'zh-CN': (folder, unseen) =>
    `没有设置任何支付方式：环境变量中没有，${unseen ? `后台填写的看不到（${unseen}）` : '后台没有填写'}，${folder} 中也没有沙箱的密钥。请带沙箱启动一次商店，或填写某种支付方式的密钥。`,
}

export const PROVIDER_COMMANDS: Readonly<Record<string, Command>> = {
  ...ALIPAY_COMMANDS,
  ...WECHAT_COMMANDS,
  'keys check': keysCheck,
}
