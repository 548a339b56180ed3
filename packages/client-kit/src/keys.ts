/** Reads keys in any common form. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { KeyError } from './errors.ts'
import { readKeyText } from './key-text.ts'

/** A private RSA key: PEM (PKCS#1, PKCS#8), bare base64 with stray white space, or a key object. @throws KeyError */
export function readPrivateKey(key: string | KeyObject): KeyObject {
  if (typeof key !== 'string') return checked(key, 'private')
  const { label, der } = readKeyText(key)
  const found = parseKey(der)
  if (found?.key.type === 'private') return checked(found.key, 'private')
  if (found) {
    throw new KeyError(
      'PUBLIC_KEY_GIVEN',
      'This is a public key; a private key is needed here. The two may be swapped.',
    )
  }
  throw unreadable('private', label, key)
}

/**
 * A public RSA key: PEM (SPKI, PKCS#1, a certificate), bare base64 with stray white space, or a key object. @throws
 * KeyError
 */
export function readPublicKey(key: string | KeyObject): KeyObject {
  if (typeof key !== 'string') return checked(key, 'public')
  const { label, der } = readKeyText(key)
  const found = parseKey(der)
  if (found?.key.type === 'public') return checked(found.key, 'public')
  if (found) {
    throw new KeyError(
      'PRIVATE_KEY_GIVEN',
      'This is a private key; a public key is needed here. The two may be swapped.',
    )
  }
  throw unreadable('public', label, key)
}

/** SHA-256 of the public half (SPKI), as hex: the same for both halves of a pair. */
export function fingerprint(key: KeyObject): string {
  const half = key.type === 'public' ? key : createPublicKey(key)
  return createHash('sha256')
    .update(half.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/** Whether two keys belong to one pair, or are the same half of it. */
export const sameKey = (left: KeyObject, right: KeyObject): boolean => fingerprint(left) === fingerprint(right)

/** Like `sameKey`, but also accepts text in any readable form. @throws KeyError when one cannot be read */
export const samePair = (left: string | KeyObject, right: string | KeyObject): boolean =>
  sameKey(readKey(left), readKey(right))

/** Either half. */
function readKey(key: string | KeyObject): KeyObject {
  if (typeof key !== 'string') return checked(key, key.type === 'private' ? 'private' : 'public')
  const found = parseKey(readKeyText(key).der)
  return found?.key.type === 'private' ? readPrivateKey(key) : readPublicKey(key)
}

export type KeyFormat =
  | 'private-pkcs8'
  | 'private-pkcs1'
  /** Never RSA: this format is only for elliptic curves. */
  | 'private-sec1'
  | 'public-spki'
  | 'public-pkcs1'
  | 'certificate'

/** Tries each format in turn: they differ in structure, whatever the label says. */
export function parseKey(der: Buffer): { readonly format: KeyFormat; readonly key: KeyObject } | undefined {
  const forms: readonly [KeyFormat, () => KeyObject][] = [
    ['private-pkcs8', () => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })],
    ['private-pkcs1', () => createPrivateKey({ key: der, format: 'der', type: 'pkcs1' })],
    ['private-sec1', () => createPrivateKey({ key: der, format: 'der', type: 'sec1' })],
    ['public-spki', () => createPublicKey({ key: der, format: 'der', type: 'spki' })],
    ['public-pkcs1', () => createPublicKey({ key: der, format: 'der', type: 'pkcs1' })],
    ['certificate', () => new X509Certificate(der).publicKey],
  ]
  if (der.length === 0) return undefined
  for (const [format, parse] of forms) {
    try {
      const key = parse()
      // Node.js also reads an elliptic-curve key as PKCS#1, which is for RSA only: a later format describes it.
      if (format === 'private-pkcs1' && key.asymmetricKeyType !== 'rsa') continue
      return { format, key }
    } catch {
      // Not this format. The parser's error could quote the key, so it is dropped.
    }
  }
  return undefined
}

/** @throws KeyError when the key is too short for `what`; gateways refuse short keys without a clear reason */
export function longEnough(key: KeyObject, minBits: number, what: string): KeyObject {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits >= minBits) return key
  throw new KeyError('KEY_TOO_SHORT', `${what} needs a key of at least ${minBits} bits; this one has ${bits}.`)
}

function checked(key: KeyObject, type: 'private' | 'public'): KeyObject {
  if (key.type !== type) throw new KeyError('WRONG_KEY_TYPE', `A ${type} key is needed here, not a ${key.type} one.`)
  if (key.asymmetricKeyType !== 'rsa') {
    throw new KeyError(
      'NOT_RSA',
      `An RSA key is needed here, not ${key.asymmetricKeyType?.toUpperCase() ?? 'a secret'}.`,
    )
  }
  return key
}

function unreadable(type: 'private' | 'public', label: string | undefined, text: string): KeyError {
  if (text.trim() === '') return new KeyError('UNREADABLE_KEY', `This is empty; a ${type} RSA key is needed here.`)
  if (label?.includes('ENCRYPTED') || text.includes('Proc-Type: 4,ENCRYPTED')) {
    return new KeyError('ENCRYPTED_KEY', 'This key is protected by a passphrase; provide it without one.')
  }
  if (label?.includes('OPENSSH')) {
    return new KeyError('UNREADABLE_KEY', 'This is an OpenSSH key; an RSA key in PEM or base64 is needed here.')
  }
  return new KeyError(
    'UNREADABLE_KEY',
    `This is not a ${type} RSA key in PEM or base64. It may be truncated, or have lost characters.`,
  )
}
