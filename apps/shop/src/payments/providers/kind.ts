/** What each provider says of its settings, so that one form, one check and one store serve all of them. */
import { describeKey } from '@xuecheng/alipay'
import type { Logger } from 'pino'
import { type Static, Type } from 'typebox'
import type { Clock } from '../../clock.ts'
import type { Config, Environment } from '../../config.ts'
import type { Language } from '../../errors.ts'
import type { SaidFinding } from '../../finding.ts'
import type { Application } from '../../http/application.ts'
import type { Payments } from '../payments.ts'
import type { PayType } from './names.ts'
import type { PaymentProvider } from './provider.ts'

/** One setting, named as in the environment. */
export interface SettingField {
  readonly name: string
  readonly label: Readonly<Record<Language, string>>
  readonly hint?: Readonly<Record<Language, string>>
  /** `key`: a key or certificate in a text or a file; `secret`: never shown again. */
  readonly kind: 'text' | 'secret' | 'private key' | 'public key'
  /** Fields of one group are given together, in place of the other group's. */
  readonly group?: 'public key' | 'certificates'
  readonly optional?: boolean
  readonly pattern?: RegExp
  /** What it is where nothing is entered. */
  readonly usual?: string
}

const Words = Type.Object({ 'zh-CN': Type.String(), en: Type.String() })

/** How the pages show a method, in both languages, so that they know none by its name. */
export const MethodFace = Type.Object({
  title: Words,
  hint: Type.Object(Words.properties, { description: 'How it is paid' }),
  phoneHint: Type.Object(Words.properties, { description: 'How it is paid on a phone' }),
  app: Type.Object(Words.properties, {
    description: 'What the buyer pays in, as it is called: the app that scans its codes',
  }),
  mark: Type.String({ description: 'One character that stands for it' }),
  colour: Type.String({ description: 'Behind the mark, which is white' }),
})

/** A provider as one set of settings makes it. */
export interface Edition<Provider extends PaymentProvider = PaymentProvider> {
  readonly provider: Provider
  /** Whose books know its attempts, at which gateway: two with the same one may be asked about the same numbers. */
  readonly account: string
  /** Who takes the money, by the number the gateway knows them by, at whichever of its addresses. */
  readonly holder: string
  /** Whether it is a merchant of the shop's own sandbox, where anybody may pay. */
  readonly sandbox: boolean
}

export interface ProviderKind<Provider extends PaymentProvider = PaymentProvider> {
  readonly name: PayType
  readonly face: Static<typeof MethodFace>
  /** What the names of its settings begin with. */
  readonly prefix: string
  readonly fields: readonly SettingField[]
  /** Whether the environment sets it up. */
  isSetUp(environment: Environment): boolean
  /**
   * Of the environment's settings, or else the sandbox's. Undefined where there are none.
   * @throws SettingError naming the first setting that is missing, misshapen or unreadable
   */
  open(config: Config, clock: Clock, log: Logger): Edition<Provider> | undefined
  /** Examines settings in words; nothing in them repeats a secret. */
  examine(config: Config, clock: Clock, language: Language): Promise<SaidFinding[]>
  /** Adds the addresses that the gateway and the returning buyers call. */
  addRoutes(app: Application, payments: Payments, live: PaymentProvider, editions: () => readonly Provider[]): void
}

/**
 * Every kind as the pages take it: those that are not offered too, since orders were paid with them. Where a phone is given
 * what a computer is, both read the same words.
 */
export const describeMethods = <Name extends string>(
  kinds: readonly { readonly name: Name; readonly face: Static<typeof MethodFace> }[],
  offered: readonly string[],
  sameOnPhones: readonly string[] = [],
) =>
  kinds.map(({ name, face }) => ({
    name,
    offered: offered.includes(name),
    ...face,
    phoneHint: sameOnPhones.includes(name) ? face.hint : face.phoneHint,
  }))

/** What may be shown of a setting once it is stored. */
export interface ShownSetting {
  readonly name: string
  /** A text as it is; of a key what it is with its fingerprint; of a secret nothing but its length. */
  readonly value: string
  /** The last four characters of what must not be shown. */
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

/** The configuration as it were if these settings stood in the environment, and there were no sandbox. */
export const configWith = (config: Config, values: Environment): Config => ({
  ...config,
  environment: values,
  sandbox: { ...config.sandbox, enabled: false },
})
