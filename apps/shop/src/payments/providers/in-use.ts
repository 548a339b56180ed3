/** Which of a method's settings a command works with: those that the server would, with a word where it cannot know. */
import { join } from 'node:path'
import type { Call } from '../../command.ts'
import type { Config } from '../../config.ts'
import type { Language } from '../../errors.ts'
import { configWith, type ProviderKind } from './kind.ts'
import type { Source } from './registry.ts'

export interface InUse {
  /** As it were if they stood in the environment. */
  readonly config: Config
  readonly source: Source
  /** Why what the owner may have entered could not be looked at. */
  readonly unseen?: Readonly<Record<Language, string>>
}

/** The environment's win over what was entered, and that over the sandbox's. */
export async function settingsInUse({ config, entered }: Call, kind: ProviderKind): Promise<InUse> {
  if (kind.isSetUp(config.environment)) return { config, source: 'environment' }
  const { settings, unseen } = await entered()
  const values = settings.get(kind.name)
  if (values) return { config: configWith(config, values), source: 'entered' }
  return { config, source: 'sandbox', ...(unseen && { unseen }) }
}

/** What `read` makes of them. @throws Error where the method is not set up, with where was looked */
export async function readInUse<Settings>(
  call: Call,
  kind: ProviderKind,
  read: (config: Config) => Settings | undefined,
): Promise<Settings> {
  const { config, unseen } = await settingsInUse(call, kind)
  const settings = read(config)
  if (!settings) {
    const { en } = kind.face.title
    const where = `no ${kind.prefix}… stands in the environment, ${entered(unseen?.en)}, and ${keysFolder(config)} has no keys of the sandbox`
    throw new Error(`${en} is not set up: ${where}. Start the shop once with its sandbox, or enter or set its keys.`)
  }
  if (unseen) call.remark(`settings entered in the back office are not used: ${unseen.en}`)
  return settings
}

/** Where the sandbox's keys are, once the shop has run with it. */
export const keysFolder = ({ dataDir }: Config): string => join(dataDir, 'keys')

const entered = (unseen: string | undefined): string =>
  unseen === undefined
    ? 'none are entered in the back office'
    : `what is entered in the back office is not seen (${unseen})`
