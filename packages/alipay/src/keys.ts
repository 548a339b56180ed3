/** Keys in any form that people have them in, parsed once. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { KeyError } from './errors.ts'

/** A private RSA key: PEM (PKCS#1, PKCS#8), bare base64 with stray white space, or a key object. @throws KeyError */
export function readPrivateKey(key: string | KeyObject): KeyObject {
  if (typeof key !== 'string') return checked(key, 'private')
  const der = derOf(key)
  const found = parsePrivate(der)
  if (found) return checked(found, 'private')
  if (parsePublic(der)) {
    throw new KeyError(
      'PUBLIC_KEY_GIVEN',
      'This is a public key; the private key belongs here. The two may be swapped.',
    )
  }
  throw unreadable('private')
}

/** A public RSA key: PEM (SPKI, PKCS#1, a certificate), bare base64 with stray white space, or a key object. @throws KeyError */
export function readPublicKey(key: string | KeyObject): KeyObject {
  if (typeof key !== 'string') return checked(key, 'public')
  const der = derOf(key)
  const found = parsePublic(der)
  if (found) return checked(found, 'public')
  if (parsePrivate(der)) {
    throw new KeyError(
      'PRIVATE_KEY_GIVEN',
      'This is a private key; the public key belongs here. The two may be swapped.',
    )
  }
  throw unreadable('public')
}

/** SHA-256 of the public half (SPKI), as hex: the same for both halves of a pair. */
export function fingerprint(key: KeyObject): string {
  const half = key.type === 'public' ? key : createPublicKey(key)
  return createHash('sha256')
    .update(half.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/** Takes away PEM lines, white space and written-out line breaks; what remains must be base64. */
function derOf(text: string): Buffer {
  const body = text
    .replace(/\\[nrt]/g, '')
    .replace(/-----[^-]*-----/g, '')
    .replace(/[\s\uFEFF\u200B\u00A0"']/g, '')
  return /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? Buffer.from(body, 'base64') : Buffer.alloc(0)
}

function parsePrivate(der: Buffer): KeyObject | undefined {
  return (
    attempt(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })) ??
    attempt(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs1' }))
  )
}

function parsePublic(der: Buffer): KeyObject | undefined {
  return (
    attempt(() => createPublicKey({ key: der, format: 'der', type: 'spki' })) ??
    attempt(() => createPublicKey({ key: der, format: 'der', type: 'pkcs1' })) ??
    attempt(() => new X509Certificate(der).publicKey)
  )
}

function attempt(parse: () => KeyObject): KeyObject | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

function checked(key: KeyObject, type: 'private' | 'public'): KeyObject {
  if (key.type !== type) throw new KeyError('WRONG_KEY_TYPE', `A ${type} key belongs here, not a ${key.type} one.`)
  if (key.asymmetricKeyType !== 'rsa') {
    throw new KeyError('NOT_RSA', `An RSA key belongs here, not ${key.asymmetricKeyType ?? 'a secret'}.`)
  }
  return key
}

const unreadable = (type: 'private' | 'public') =>
  new KeyError(
    'UNREADABLE_KEY',
    `This is no ${type} RSA key in PEM or base64. It may be cut off, or have lost characters.`,
  )
