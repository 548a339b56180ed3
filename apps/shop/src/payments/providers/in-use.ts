/** Which of a method's settings a command uses: the same as the server would, with a note when it cannot find out. */
import { join } from 'node:path'
import type { Call } from '../../command.ts'
import type { Config } from '../../config.ts'
import type { Language } from '../../errors.ts'
import { configWith, isSetUp, type SettingsForm, type Source } from './definition.ts'

export interface InUse {
  /** The configuration as if the settings were in the environment. */
  readonly config: Config
  readonly source: Source
  /** Why the settings that the owner may have entered could not be read. */
  readonly unseen?: Readonly<Record<Language, string>>
}

/** The environment's settings take precedence over entered ones, and those over the sandbox's. */
export async function settingsInUse({ config, entered }: Call, form: SettingsForm): Promise<InUse> {
  if (isSetUp(form, config.environment)) return { config, source: 'environment' }
  const { settings, unseen } = await entered()
  const values = settings.get(form.name)
  if (values) return { config: configWith(config, values, form.fields), source: 'entered' }
  return { config, source: 'sandbox', ...(unseen && { unseen }) }
}

/** The settings as parsed by `read`. @throws Error if the method is not set up, saying where it was looked for */
export async function readInUse<Settings>(
  call: Call,
  form: SettingsForm,
  read: (config: Config) => Settings | undefined,
): Promise<Settings> {
  const { config, unseen } = await settingsInUse(call, form)
  const settings = read(config)
  if (!settings) {
    const { en } = form.display.title
    const where = `no ${form.prefix}… is set in the environment, ${entered(unseen?.en)}, and ${keysFolder(config)} has no keys of the sandbox`
    throw new Error(`${en} is not set up: ${where}. Start the shop once with its sandbox, or enter or set its keys.`)
  }
  if (unseen) call.remark(`settings entered in the back office are not used: ${unseen.en}`)
  return settings
}

/** The folder with the sandbox's keys, once the shop has run with it. */
export const keysFolder = ({ dataDir }: Config): string => join(dataDir, 'keys')

const entered = (unseen: string | undefined): string =>
  unseen === undefined
    ? 'none are entered in the back office'
    : `what is entered in the back office is not seen (${unseen})`
