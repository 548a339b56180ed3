/** Keys in every form in which people supply them; all generated at run time. */

import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newPair } from '../test/pair.ts'
import { KeyError } from './errors.ts'
import { fingerprint, longEnough, readPrivateKey, readPublicKey } from './keys.ts'

const { privateKey, publicKey } = newPair()
const privatePem = (type: 'pkcs1' | 'pkcs8') => privateKey.export({ type, format: 'pem' }).toString()
const privateBare = (type: 'pkcs1' | 'pkcs8') => privateKey.export({ type, format: 'der' }).toString('base64')
const publicPem = (type: 'pkcs1' | 'spki') => publicKey.export({ type, format: 'pem' }).toString()
const publicBare = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

/** The damage that copying, mail, YAML and environment variables do to a key. */
const damages: Readonly<Record<string, (text: string) => string>> = {
  unchanged: (text) => text,
  'with spaces and line breaks around it': (text) => `\n\t  ${text} \r\n\n`,
  'with a byte order mark before it': (text) => `\uFEFF${text}`,
  'in quotation marks': (text) => `"${text}"`,
  'with Windows line ends': (text) => text.replaceAll('\n', '\r\n'),
  'with its line breaks doubled': (text) => text.replaceAll('\n', '\n\n'),
  'with its line breaks escaped as \\n': (text) => text.replaceAll('\n', '\\n'),
  'with its line breaks turned into spaces': (text) => text.replaceAll('\n', ' '),
  'with its line breaks lost': (text) => text.replaceAll('\n', ''),
  'with every line indented': (text) => text.replaceAll('\n', '\n    '),
}

const privateForms = {
  'PKCS#1 PEM': privatePem('pkcs1'),
  'PKCS#8 PEM': privatePem('pkcs8'),
  'bare PKCS#1': privateBare('pkcs1'),
  'bare PKCS#8': privateBare('pkcs8'),
  'PKCS#1 labelled as PKCS#8': privatePem('pkcs1').replaceAll('RSA PRIVATE', 'PRIVATE'),
  'PKCS#8 labelled as PKCS#1': privatePem('pkcs8').replaceAll('PRIVATE', 'RSA PRIVATE'),
  'bare, in lines of 76': (privateBare('pkcs8').match(/.{1,76}/g) ?? []).join('\n'),
}
const publicForms = {
  'SPKI PEM': publicPem('spki'),
  'PKCS#1 PEM': publicPem('pkcs1'),
  'bare SPKI': publicBare,
  'a certificate': certificateOf(privateKey),
}

for (const [form, text] of Object.entries(privateForms)) {
  describe(`a private key, ${form}`, () => {
    for (const [how, damage] of Object.entries(damages))
      test(how, () => expect(fingerprint(readPrivateKey(damage(text)))).toBe(fingerprint(publicKey)))
  })
}
for (const [form, text] of Object.entries(publicForms)) {
  describe(`a public key, ${form}`, () => {
    for (const [how, damage] of Object.entries(damages))
      test(how, () => expect(fingerprint(readPublicKey(damage(text)))).toBe(fingerprint(privateKey)))
  })
}

test('key objects are used unchanged', () => {
  expect(readPrivateKey(privateKey)).toBe(privateKey)
  expect(readPublicKey(publicKey)).toBe(publicKey)
})

describe('is refused with an explanation:', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encrypted = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString()
  const cases: Readonly<Record<string, readonly [code: string, read: () => unknown]>> = {
    'a public key as the private one': ['PUBLIC_KEY_GIVEN', () => readPrivateKey(publicBare)],
    'a certificate as the private key': ['PUBLIC_KEY_GIVEN', () => readPrivateKey(publicForms['a certificate'])],
    'a private key as the public one': ['PRIVATE_KEY_GIVEN', () => readPublicKey(privateForms['PKCS#8 PEM'])],
    'a private key object as the public one': ['WRONG_KEY_TYPE', () => readPublicKey(privateKey)],
    'a public key object as the private one': ['WRONG_KEY_TYPE', () => readPrivateKey(publicKey)],
    'an EC private key': [
      'NOT_RSA',
      () => readPrivateKey(ec.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    ],
    'an EC public key': [
      'NOT_RSA',
      () => readPublicKey(ec.publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    ],
    'a key with a passphrase': ['ENCRYPTED_KEY', () => readPrivateKey(encrypted)],
    'a private key truncated': ['UNREADABLE_KEY', () => readPrivateKey(privateBare('pkcs8').slice(0, 1000))],
    'a public key truncated': ['UNREADABLE_KEY', () => readPublicKey(publicBare.slice(0, 200))],
    'a key that lost its beginning': ['UNREADABLE_KEY', () => readPrivateKey(privateBare('pkcs8').slice(40))],
    'no key at all': ['UNREADABLE_KEY', () => readPublicKey('hello')],
    nothing: ['UNREADABLE_KEY', () => readPrivateKey('')],
  }
  for (const [what, [code, read]] of Object.entries(cases)) {
    test(what, () => {
      const error = caught(read)
      expect(error).toMatchObject({ name: 'KeyError', code })
      // The input may be a private key: the message must not quote any of it.
      expect(`${error.message}${error.stack}`).not.toContain(privateBare('pkcs8').slice(40, 60))
    })
  }

  test('a key too short for its signature type', () => {
    const small = newPair(1024).privateKey
    expect(caught(() => longEnough(small, 2048, 'RSA2'))).toMatchObject({ code: 'KEY_TOO_SHORT' })
    expect(longEnough(small, 1024, 'RSA')).toBe(small)
  })
})

test('both halves of a pair have the same fingerprint, two pairs have different ones', () => {
  expect(fingerprint(privateKey)).toBe(fingerprint(createPublicKey(privateKey)))
  expect(fingerprint(newPair().publicKey)).not.toBe(fingerprint(publicKey))
})

function caught(act: () => unknown): KeyError {
  try {
    act()
  } catch (error) {
    if (error instanceof KeyError) return error
    throw error
  }
  throw new Error('expected an error')
}

/** A certificate for the key, made with the openssl program. */
function certificateOf(key: KeyObject): string {
  const folder = mkdtempSync(join(tmpdir(), 'client-kit-keys-'))
  try {
    writeFileSync(join(folder, 'key.pem'), key.export({ type: 'pkcs8', format: 'pem' }))
    const args = ['req', '-x509', '-new', '-key', 'key.pem', '-subj', '/CN=Gateway', '-days', '2']
    return execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }).toString()
  } finally {
    rmSync(folder, { recursive: true })
  }
}
