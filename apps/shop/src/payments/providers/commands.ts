/** The commands of every provider, and the diagnostics of all of them. */
import { systemClock } from '../../clock.ts'
import { type Call, type Command, optional } from '../../command.ts'
import { SettingError } from '../../config.ts'
import { type DescribedResult, languageOf, settingProblem, writeResult } from '../../diagnostics.ts'
import type { Language } from '../../errors.ts'
import type { ProviderDefinition, Source } from './definition.ts'
import { type InUse, keysFolder, settingsInUse } from './in-use.ts'
import { METHODS } from './methods.ts'

const CHECK_FILES = METHODS.flatMap(({ checkFiles = [] }) => checkFiles)

const keysCheck: Command = {
  usage: `${CHECK_FILES.map((name) => `[--${name} FILE]`).join(' ')} [--lang zh|en]`,
  summary: 'Says in one line each whether every key, the gateways, the clock and the notify addresses are right',
  options: Object.fromEntries([...CHECK_FILES, 'lang'].map((name) => [name, { type: 'string' }])),
  async run(call) {
    const language = languageOf(optional(call, 'lang') ?? call.config.environment['LANG'])
    const looked = await Promise.all(METHODS.map((method) => look(call, method, language)))
    const checked = looked.filter(({ findings }) => findings.length > 0)
    const unseen = looked.find(({ inUse }) => inUse.unseen)?.inUse.unseen?.[language]
    if (checked.length === 0) throw new Error(NOTHING[language](keysFolder(call.config), unseen))
    const findings = checked.flatMap((each) => each.findings.map((said) => ({ method: each.method.name, ...said })))
    const bad = findings.some(({ verdict }) => verdict === 'problem' || verdict === 'unknown')
    const [colon, comma] = language === 'en' ? [': ', '; '] : ['：', '；']
    const heads = checked.map(({ method, inUse }) => [method.display.title[language], SOURCES[language][inUse.source]])
    const text = [
      heads.map((head) => head.join(colon)).join(comma),
      ...(unseen === undefined ? [] : [UNSEEN[language](unseen)]),
      ...findings.map((finding) => writeResult(finding, language)),
    ].join('\n')
    const settings = Object.fromEntries(checked.map(({ method, inUse }) => [method.name, inUse.source]))
    return { text, data: { settings, findings }, exitCode: bad ? 1 : 0 }
  },
}

interface Looked {
  readonly method: ProviderDefinition
  readonly inUse: InUse
  /** Empty if the method is not set up at all. */
  readonly findings: readonly DescribedResult[]
}

/** A wrong setting is reported like a wrong key, and everything else is checked all the same. */
async function look(call: Call, method: ProviderDefinition, language: Language): Promise<Looked> {
  const inUse = await settingsInUse(call, method)
  try {
    const files = Object.fromEntries((method.checkFiles ?? []).map((name) => [name, optional(call, name)]))
    return { method, inUse, findings: await method.check(inUse.config, systemClock, language, files) }
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    return { method, inUse, findings: [settingProblem(method.display.title[language], error)] }
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
  en: (why) => `Settings entered in the back office are not checked: ${why}.`,
  'zh-CN': (why) => `后台填写的设置没有检查：${why}。`,
}

const NOTHING: Readonly<Record<Language, (folder: string, unseen: string | undefined) => string>> = {
  en: (folder, unseen) =>
    `no payment method is set up: nothing in the environment, ${unseen ? `what is entered in the back office is not seen (${unseen})` : 'nothing entered in the back office'}, and no keys of the sandbox in ${folder}. Start the shop once with its sandbox, or enter or set a method's keys.`,
  'zh-CN': (folder, unseen) =>
    `没有设置任何支付方式：环境变量中没有，${unseen ? `后台填写的看不到（${unseen}）` : '后台没有填写'}，${folder} 中也没有沙箱的密钥。请带沙箱启动一次商店，或填写某种支付方式的密钥。`,
}

export const PROVIDER_COMMANDS: Readonly<Record<string, Command>> = {
  ...Object.assign({}, ...METHODS.map(({ commands }) => commands)),
  'keys check': keysCheck,
}
