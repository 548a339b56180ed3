/**
 * Keys in a provider's settings, each parsed under its own name: with six keys, an error must say which one is wrong.
 */
import type { KeyObject } from 'node:crypto'
import { ClientError, type KeyDescription } from '@xuecheng/client-kit'
import { SettingError } from '../../config.ts'

/** A gateway's address in a form: https, or plain http on this machine (the sandbox, a test). */
export const SAFE_ADDRESS = {
  pattern: /^(https:\/\/[^\s?#@]+|http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?(\/[^\s?#@]*)?)$/i,
  wrong: {
    'zh-CN': '须是 https 地址；只有本机（127.0.0.1）可以用 http',
    en: 'must be an https address; http is for this machine (127.0.0.1) only',
  },
} as const

const MIN_BITS = 2048

export interface SettingReader {
  /** The settings found missing or wrong so far. */
  readonly faults: readonly SettingError[]
  /** @returns undefined if the setting is missing or wrong; it is then added to the faults */
  read<Value>(get: () => Value): Value | undefined
}

/** Reads settings one after another and goes on after a bad one, so that all of them can be reported at once. */
export function settingReader(): SettingReader {
  const faults: SettingError[] = []
  return {
    faults,
    read(get) {
      try {
        return get()
      } catch (error) {
        if (!(error instanceof SettingError)) throw error
        faults.push(error)
        return undefined
      }
    },
  }
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
