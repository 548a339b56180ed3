/** What the diagnostics of every method check in the same way: a key's text, and an address that answers. */
import type { KeyDescription } from '@xuecheng/client-kit'
import { formOf, MIN_BITS } from './key-settings.ts'
import { reasonOf } from './reason.ts'

export const PROBE_LIMIT_MS = 8000

export const isPrivate = (key: KeyDescription): boolean => key.format.startsWith('private')
export const isPublic = (key: KeyDescription): boolean =>
  key.format.startsWith('public') || key.format === 'certificate'

/** What the texts say of a key: nothing of the key itself but its fingerprint. */
export const keyFacts = (key: KeyDescription) => ({
  form: formOf(key),
  bits: String(key.bits ?? 0),
  print: key.fingerprint?.slice(0, 16) ?? '',
})

/** The code of what is wrong with a key that cannot be read, or that does not suit the gateway's signatures. */
export function keyFault({ format, algorithm, bits = 0 }: KeyDescription, readable: boolean) {
  if (format === 'empty') return 'EMPTY'
  if (format === 'encrypted') return 'ENCRYPTED'
  if (!readable) return 'UNREADABLE'
  if (algorithm !== 'rsa') return 'NOT_RSA'
  return bits < MIN_BITS ? 'TOO_SHORT' : undefined
}

/** The values for the texts of `keyFault`. */
export const faultValues = ({ algorithm, bits = 0 }: KeyDescription) => ({
  algorithm: algorithm?.toUpperCase() ?? '',
  bits: String(bits),
})

/** @returns why there was no answer, if there was none */
export async function probe(url: string, init: RequestInit): Promise<Response | string> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(PROBE_LIMIT_MS) })
  } catch (error) {
    return reasonOf(error)
  }
}
