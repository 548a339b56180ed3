/**
 * Keys in a provider's settings, each parsed under its own name: with six keys, an error must say which one is wrong.
 */
import type { KeyObject } from 'node:crypto'
import { ClientError, type KeyDescription } from '@xuecheng/client-kit'
import { type Environment, isSafeAddress, SettingError, textOrFile } from '../../config.ts'
import type { SettingsForm } from './definition.ts'

/** A gateway's address in a form: https, or plain http on this machine (the sandbox, a test). */
export const SAFE_ADDRESS = {
  pattern: { test: isSafeAddress },
  wrong: {
    'zh-CN': '须是 https 地址；只有本机（127.0.0.1）可以用 http',
    en: 'must be an https address; http is for this machine (127.0.0.1) only',
  },
} as const

export const MIN_BITS = 2048

/** Reads settings one after another and goes on after a bad one, so that all of them can be reported at once. */
export function settingReader(form: SettingsForm, environment: Environment) {
  /** The settings found missing or wrong so far. */
  const faults: SettingError[] = []
  const read = (get: (environment: Environment, name: string) => string, name: string): string | undefined => {
    try {
      return get(environment, name)
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      faults.push(error)
      return undefined
    }
  }
  return {
    faults,
    /** A short text, as its field describes it. */
    text: (name: string) => read(() => textSetting(form, environment, name), name),
    /** A key, from the setting or a file. */
    key: (name: string) => read(keySetting, name),
    read,
  }
}

/** @throws SettingError if it is missing or does not look like one */
export function textSetting({ fields }: SettingsForm, environment: Environment, name: string): string {
  const { pattern, usual, example = usual ?? '', wrong } = fields.find((field) => field.name === name) ?? {}
  const value = environment[name]?.trim() || usual
  if (!value) throw new SettingError(name, 'is missing', example)
  if (pattern?.test(value)) return value
  throw new SettingError(name, `"${value}" ${wrong?.en ?? 'does not look like one'}`, example)
}

/** @throws SettingError if it is missing or its file cannot be read */
export function keySetting(environment: Environment, name: string): string {
  const text = textOrFile(environment, name)
  if (text !== undefined) return text
  throw new SettingError(`${name}_FILE`, 'is missing', `./keys/${name.toLowerCase()}.pem`)
}

/** Adds the name of the setting to a client's error about a key. @throws SettingError */
export function named<Result>(name: string, parse: () => Result): Result {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    throw new SettingError(name, error.message.replace(/\.$/, ''), exampleOf(name))
  }
}

/** @throws SettingError if the text is not an RSA key of this kind, or is too short a key */
export function tryKey(name: string, text: string, read: (text: string) => KeyObject): void {
  const bits = named(name, () => read(text)).asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < MIN_BITS) throw new SettingError(name, `has ${bits} bits; RSA ${MIN_BITS} is needed`, exampleOf(name))
}

const exampleOf = (name: string): string => `(a file: ${name}_FILE=./keys/${name.toLowerCase()}.pem)`

/** The common name of a key's format. */
export function formOf({ format }: KeyDescription): string {
  if (format === 'public-spki') return 'SPKI'
  if (format === 'certificate') return 'X.509'
  return format.endsWith('pkcs8') ? 'PKCS#8' : 'PKCS#1'
}
