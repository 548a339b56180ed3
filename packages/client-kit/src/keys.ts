/** Keys in any form that people have them in, parsed once. */
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
      'This is a public key; the private key belongs here. The two may be swapped.',
    )
  }
  throw unreadable('private', label, key)
}

/** A public RSA key: PEM (SPKI, PKCS#1, a certificate), bare base64 with stray white space, or a key object. @throws KeyError */
export function readPublicKey(key: string | KeyObject): KeyObject {
  if (typeof key !== 'string') return checked(key, 'public')
  const { label, der } = readKeyText(key)
  const found = parseKey(der)
  if (found?.key.type === 'public') return checked(found.key, 'public')
  if (found) {
    throw new KeyError(
      'PRIVATE_KEY_GIVEN',
      'This is a private key; the public key belongs here. The two may be swapped.',
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

/** Whether two keys are of one pair, or the same half of it. */
export const sameKey = (left: KeyObject, right: KeyObject): boolean => fingerprint(left) === fingerprint(right)

/** As `sameKey`, for text in any readable form too. @throws KeyError where one cannot be read */
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
  /** No RSA key is in it: only those of elliptic curves. */
  | 'private-sec1'
  | 'public-spki'
  | 'public-pkcs1'
  | 'certificate'

/** What some bytes are, tried in turn: each form is told from the others by its structure, whatever a label says. */
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
      // Node.js takes a curve's key for PKCS#1 as well, which is RSA's alone: then what it is comes a form later.
      if (format === 'private-pkcs1' && key.asymmetricKeyType !== 'rsa') continue
      return { format, key }
    } catch {
      // Not this form; what the parser said could quote the key, so it goes no further.
    }
  }
  return undefined
}

/** @throws KeyError where the key has fewer bits than `what` is made or checked with; gateways refuse that unclearly */
export function longEnough(key: KeyObject, least: number, what: string): KeyObject {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits >= least) return key
  throw new KeyError('KEY_TOO_SHORT', `${what} needs a key of at least ${least} bits; this one has ${bits}.`)
}

function checked(key: KeyObject, type: 'private' | 'public'): KeyObject {
  if (key.type !== type) throw new KeyError('WRONG_KEY_TYPE', `A ${type} key belongs here, not a ${key.type} one.`)
  if (key.asymmetricKeyType !== 'rsa') {
    throw new KeyError('NOT_RSA', `An RSA key belongs here, not ${key.asymmetricKeyType?.toUpperCase() ?? 'a secret'}.`)
  }
  return key
}

function unreadable(type: 'private' | 'public', label: string | undefined, text: string): KeyError {
  if (text.trim() === '') return new KeyError('UNREADABLE_KEY', `This is empty; a ${type} RSA key belongs here.`)
  if (label?.includes('ENCRYPTED') || text.includes('Proc-Type: 4,ENCRYPTED')) {
    return new KeyError('ENCRYPTED_KEY', 'This key is locked with a passphrase; give it without one.')
  }
  if (label?.includes('OPENSSH')) {
    return new KeyError('UNREADABLE_KEY', 'This is an OpenSSH key; an RSA key in PEM or base64 belongs here.')
  }
  return new KeyError(
    'UNREADABLE_KEY',
    `This is no ${type} RSA key in PEM or base64. It may be cut off, or have lost characters.`,
  )
}
