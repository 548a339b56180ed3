/** Describes a given key text for diagnostics. Reveals nothing of the key except its public half's fingerprint. */
import { type KeyDefect, readKeyText } from './key-text.ts'
import { fingerprint, type KeyFormat, parseKey } from './keys.ts'

export interface KeyDescription {
  /** The format by its bytes, whatever its label says. */
  readonly format: KeyFormat | 'encrypted' | 'empty' | 'unreadable'
  /** `rsa`, or another algorithm such as `ec`. */
  readonly algorithm: string | undefined
  readonly bits: number | undefined
  /** SHA-256 of the public half, hex: equal for the two halves of a pair. */
  readonly fingerprint: string | undefined
  readonly defects: readonly KeyDefect[]
}

const LABELS: Record<KeyFormat, string> = {
  'private-pkcs8': 'PRIVATE KEY',
  'private-pkcs1': 'RSA PRIVATE KEY',
  'private-sec1': 'EC PRIVATE KEY',
  'public-spki': 'PUBLIC KEY',
  'public-pkcs1': 'RSA PUBLIC KEY',
  certificate: 'CERTIFICATE',
}

/** Describes a key's text: its format, size, fingerprint, and any damage from copying. Never throws. */
export function describeKey(text: string): KeyDescription {
  const unknown = { algorithm: undefined, bits: undefined, fingerprint: undefined }
  if (text.trim() === '') return { format: 'empty', ...unknown, defects: [] }
  const { label, der, defects } = readKeyText(text)
  const found = parseKey(der)
  if (!found) {
    const locked = label?.includes('ENCRYPTED') || text.includes('Proc-Type: 4,ENCRYPTED')
    const format = locked ? 'encrypted' : 'unreadable'
    return { format, ...unknown, defects }
  }
  const { format, key } = found
  const right = LABELS[format]
  const wrongLabel: KeyDefect[] =
    label === undefined || label === right
      ? []
      : [
          {
            code: 'WRONG_LABEL',
            message: `Its first line says ${label}, but it is ${right}${pkcsHint(label, right)}. Other programs will not read it; correct the label.`,
          },
        ]
  return {
    format,
    algorithm: key.asymmetricKeyType,
    bits: key.asymmetricKeyDetails?.modulusLength,
    fingerprint: fingerprint(key),
    defects: [...defects, ...wrongLabel],
  }
}

function pkcsHint(label: string, right: string): string {
  if (label === 'PRIVATE KEY' && right === 'RSA PRIVATE KEY') return ' (PKCS#1 given as PKCS#8)'
  return label === 'RSA PRIVATE KEY' && right === 'PRIVATE KEY' ? ' (PKCS#8 given as PKCS#1)' : ''
}
