/** Keys of a provider's settings, each tried under its own name: an operator who has six of them must be told which it is. */
import type { KeyObject } from 'node:crypto'
import { AlipayError as ClientError, type KeyDescription } from '@xuecheng/alipay'
import { SettingError } from '../../config.ts'

const LEAST_BITS = 2048

/** What a client says of a key, with the name of the setting that it came from. @throws SettingError */
export function named<Result>(name: string, parse: () => Result): Result {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    throw new SettingError(name, error.message.replace(/\.$/, ''), exampleOf(name))
  }
}

/** @throws SettingError where the text is no RSA key of this kind, or a short one */
export function tryKey(name: string, text: string, read: (text: string) => KeyObject): void {
  const bits = named(name, () => read(text)).asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < LEAST_BITS) throw new SettingError(name, `has ${bits} bits; RSA ${LEAST_BITS} is needed`, exampleOf(name))
}

const exampleOf = (name: string): string => `(a file: ${name}_FILE=./keys/${name.toLowerCase()}.pem)`

/** What people call a key's format. */
export function formOf({ format }: KeyDescription): string {
  if (format === 'public-spki') return 'SPKI'
  if (format === 'certificate') return 'X.509'
  return format.endsWith('pkcs8') ? 'PKCS#8' : 'PKCS#1'
}
