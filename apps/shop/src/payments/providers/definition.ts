/** How each provider describes its settings, so that one form, one check and one store serve all of them. */
import { describeKey } from '@xuecheng/client-kit'
import type { Logger } from 'pino'
import { type Static, Type } from 'typebox'
import type { Clock } from '../../clock.ts'
import type { Command } from '../../command.ts'
import type { Config, Environment } from '../../config.ts'
import type { DescribedResult } from '../../diagnostics.ts'
import type { Language } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { isLoopbackUrl } from '../../live.ts'
import type { PaymentProvider } from '../contract.ts'
import type { Payments } from '../payments.ts'

/**
 * Where a method's settings come from. The environment's take precedence over entered ones, and those over the
 * sandbox's.
 */
export type Source = 'environment' | 'entered' | 'sandbox'

/** One setting, named as in the environment. */
export interface SettingField {
  readonly name: string
  readonly label: Readonly<Record<Language, string>>
  readonly hint?: Readonly<Record<Language, string>>
  /** A key or certificate may be given as a text or a file; a secret is never shown again. */
  readonly kind: 'text' | 'secret' | 'private key' | 'public key'
  /** The fields of one group are entered together, instead of the other group's. */
  readonly group?: 'public key' | 'certificates'
  readonly optional?: boolean
  readonly pattern?: Pick<RegExp, 'test'>
  /** For the error text of the environment's setting. */
  readonly example?: string
  /** The error text if the pattern does not match, where the default text is not enough. */
  readonly wrong?: Readonly<Record<Language, string>>
  /** The default if nothing is entered. */
  readonly usual?: string
  /**
   * Belongs to the shop's contract, not to its keys: if nothing is entered with the keys, the environment's value
   * applies.
   */
  readonly ofContract?: boolean
  /** Whether the setting alone means that the method is to be set up: missing ones are then reported, not ignored. */
  readonly alone?: false
}

const Words = Type.Object({ 'zh-CN': Type.String(), en: Type.String() })

/** How the pages show a method, in both languages, so that they know no method by name. */
export const DisplayMetadata = Type.Object({
  title: Words,
  hint: Type.Object(Words.properties, { description: 'How it is paid' }),
  phoneHint: Type.Object(Words.properties, { description: 'How it is paid on a phone' }),
  app: Type.Object(Words.properties, {
    description: 'What the buyer pays in, as it is called: the app that scans its codes',
  }),
  mark: Type.String({ description: 'One character that stands for it' }),
  colour: Type.String({ description: 'Behind the mark, which is white' }),
})

/** A provider made from one set of settings. */
export interface MerchantInstance<Provider extends PaymentProvider = PaymentProvider> {
  readonly provider: Provider
  /**
   * The account and gateway whose books have its attempts: two instances with the same account can query the same
   * numbers.
   */
  readonly account: string
  /** The merchant of record, by the number that the gateway uses, at any of the gateway's addresses. */
  readonly merchantOfRecord: string
  /** Whether it is a merchant of the shop's own sandbox, where anyone can pay. */
  readonly sandbox: boolean
  /** Whether its gateway is a real one, where real money can move: this makes the shop live. */
  readonly real: boolean
}

const SANDBOX = 'sandbox'

/** A merchant's name, recorded with each attempt: its gateway (the shop's own sandbox has any address) and its numbers there. */
export const merchantName = (gateway: string, sandbox: boolean, ...numbers: readonly string[]): string =>
  [sandbox ? SANDBOX : gateway, ...numbers].join(' ')

/** Whether this is the name of the shop's own merchant at its sandbox. */
export const isSandboxMerchant = (merchant: string): boolean => merchant.startsWith(`${SANDBOX} `)

/** A gateway on this machine is another sandbox. */
export const isReal = (gateway: string, sandbox: boolean): boolean => !sandbox && !isLoopbackUrl(gateway)

/** A method as the pages show it, with its settings. */
export interface SettingsForm<Name extends string = string> {
  readonly name: Name
  readonly display: Static<typeof DisplayMetadata>
  /** The prefix of its settings' names. */
  readonly prefix: string
  /** The setting for its gateway; the default is the real one. */
  readonly gateway: string
  readonly fields: readonly SettingField[]
}

/** Whether the environment sets a method up, for the real gateway or another sandbox. */
export const isSetUp = ({ fields }: SettingsForm, environment: Environment): boolean =>
  fields.some(
    ({ name, kind, alone = true }) =>
      alone && (environment[name]?.trim() || (kind !== 'text' && environment[`${name}_FILE`]?.trim())),
  )

export interface ProviderDefinition<Provider extends PaymentProvider = PaymentProvider, Name extends string = string>
  extends SettingsForm<Name> {
  /**
   * Opens it with the environment's settings, or else the sandbox's. Undefined if there are none.
   * @throws SettingError naming the first setting that is missing, malformed or unreadable
   */
  open(config: Config, clock: Clock, log: Logger): MerchantInstance<Provider> | undefined
  /**
   * The diagnostics of its settings, empty if it is not set up; no text repeats a secret.
   * @param files by the name of one of `checkFiles`
   */
  check(
    config: Config,
    clock: Clock,
    language: Language,
    files?: Readonly<Record<string, string | undefined>>,
  ): Promise<DescribedResult[]>
  /** Options of `xuecheng keys check` that name a file for `check`. */
  readonly checkFiles?: readonly string[]
  /** Makes the shop a merchant of its own sandbox, unless the settings name another. */
  registerWithSandbox(config: Config): Promise<void>
  /** Adds the routes that the gateway and returning buyers call. */
  addRoutes(app: Application, payments: Payments, provider: PaymentProvider, instances: () => readonly Provider[]): void
  /** Its commands, by their words. */
  readonly commands: Readonly<Record<string, Command>>
}

/**
 * Display metadata of every provider for the pages, including those that take no new payments, since orders were paid
 * with them. If phones get the same product as computers, both have the same texts.
 */
export const describeMethods = <Name extends string>(
  definitions: readonly { readonly name: Name; readonly display: Static<typeof DisplayMetadata> }[],
  offered: readonly string[],
  sameOnPhones: readonly string[] = [],
) =>
  definitions.map(({ name, display }) => ({
    name,
    offered: offered.includes(name),
    ...display,
    phoneHint: sameOnPhones.includes(name) ? display.hint : display.phoneHint,
  }))

/** What may be shown of a stored setting. */
export interface ShownSetting {
  readonly name: string
  /** A text as it is; of a key its type with its fingerprint; of a secret only its length. */
  readonly value: string
  /** The last four characters of a value that must not be shown. */
  readonly ends?: string
}

export function showSettings(fields: readonly SettingField[], values: Environment): ShownSetting[] {
  return fields.flatMap(({ name, kind }) => {
    const value = values[name]?.trim()
    if (!value) return []
    if (kind === 'text') return [{ name, value }]
    const ends = value.replace(/-----[^-]+-----|[\s=]/g, '').slice(-4)
    if (kind === 'secret') return [{ name, value: `${value.length} ×`, ends }]
    const { format, bits, fingerprint } = describeKey(value)
    return [{ name, value: `${format}, RSA ${bits ?? '?'}, SHA-256 ${fingerprint?.slice(0, 16) ?? '?'}`, ends }]
  })
}

/** The configuration as if these settings of a method were in the environment, and there were no sandbox. */
export function configWith(config: Config, values: Environment, fields: readonly SettingField[]): Config {
  const ofContract = fields.flatMap(({ name, ofContract }) => (ofContract ? [[name, config.environment[name]]] : []))
  const environment = { ...Object.fromEntries(ofContract), ...values }
  return { ...config, environment, sandbox: { ...config.sandbox, enabled: false } }
}
