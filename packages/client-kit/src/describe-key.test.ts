/** Key diagnostics: the format of a key, damage from copying, new pairs, and whether two keys belong together. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newPair } from '../test/pair.ts'
import { describeKey } from './describe-key.ts'
import { generateKeys } from './generate-keys.ts'
import { fingerprint, readPrivateKey, samePair } from './keys.ts'

const { privateKey, publicKey } = newPair()
const pem = {
  'private-pkcs1': privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  'private-pkcs8': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'public-spki': publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  'public-pkcs1': publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
}
const bare = (text: string) => text.replace(/-----[^-]+-----|\s/g, '')
const codes = (text: string) => describeKey(text).defects.map(({ code }) => code)

describe('the format of a key', () => {
  for (const [format, text] of Object.entries(pem)) {
    test(`${format}, in PEM and bare`, () => {
      const whole = { format, algorithm: 'rsa', bits: 2048, fingerprint: fingerprint(publicKey) }
      expect(describeKey(text)).toEqual({ ...whole, defects: [] })
      expect(describeKey(bare(text))).toMatchObject({ ...whole, defects: [{ code: 'BARE_BASE64' }] })
    })
  }

  test('other kinds', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
    expect(describeKey(String(ec))).toMatchObject({ format: 'private-pkcs8', algorithm: 'ec' })
    const old = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' })
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    for (const text of [String(old), `${parameters}${old}`]) {
      expect(describeKey(text)).toMatchObject({ format: 'private-sec1', algorithm: 'ec', defects: [] })
      expect(() => readPrivateKey(text)).toThrow('An RSA key is needed here, not EC.')
    }
    const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    expect(describeKey(String(locked))).toMatchObject({ format: 'encrypted' })
    const lockedOld = privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    expect(describeKey(String(lockedOld))).toMatchObject({ format: 'encrypted' })
    for (const text of ['hello', '{}', pem['private-pkcs8'].slice(0, 900)])
      expect(describeKey(text)).toMatchObject({ format: 'unreadable', fingerprint: undefined })
    for (const text of ['', ' \n']) expect(describeKey(text)).toMatchObject({ format: 'empty', defects: [] })
    expect(() => readPrivateKey('')).toThrow('This is empty; a private RSA key is needed here.')
    expect(describeKey(newPair(1024).publicKey.export({ type: 'spki', format: 'pem' }).toString()).bits).toBe(1024)
  })
})

describe('damage from copying', () => {
  test('PKCS#1 labelled as PKCS#8, and the other way round', () => {
    const pkcs1 = pem['private-pkcs1'].replaceAll('RSA PRIVATE', 'PRIVATE')
    const pkcs8 = pem['private-pkcs8'].replaceAll('PRIVATE', 'RSA PRIVATE')
    expect(describeKey(pkcs1)).toMatchObject({ format: 'private-pkcs1', defects: [{ code: 'WRONG_LABEL' }] })
    expect(describeKey(pkcs8)).toMatchObject({ format: 'private-pkcs8', defects: [{ code: 'WRONG_LABEL' }] })
    expect(describeKey(pkcs1).defects[0]?.message).toContain('PKCS#1 given as PKCS#8')
    expect(describeKey(pkcs8).defects[0]?.message).toContain('PKCS#8 given as PKCS#1')
    expect(codes(pem['public-spki'].replaceAll('PUBLIC', 'PRIVATE'))).toEqual(['WRONG_LABEL'])
  })

  const text = pem['private-pkcs8']
  const cases: Readonly<Record<string, readonly [code: string, text: string]>> = {
    'line breaks lost': ['LOST_LINE_BREAKS', text.replaceAll('\n', '')],
    'line breaks turned into spaces': ['LOST_LINE_BREAKS', text.replaceAll('\n', ' ')],
    'line breaks doubled': ['DOUBLED_LINE_BREAKS', text.replaceAll('\n', '\n\n')],
    'line breaks doubled, as on Windows': ['DOUBLED_LINE_BREAKS', text.replaceAll('\n', '\r\n\r\n')],
    'line breaks escaped': ['WRITTEN_LINE_BREAKS', text.replaceAll('\n', '\\n')],
    'spaces inside': ['STRAY_CHARACTERS', bare(text).replace(/(.{100})/g, '$1 ')],
    'the last line missing': ['NO_END_LINE', text.replace(/-----END.*/s, '')],
  }
  for (const [what, [code, damaged]] of Object.entries(cases)) {
    test(what, () => {
      expect(codes(damaged)).toContain(code)
      expect(describeKey(damaged)).toMatchObject({ format: 'private-pkcs8', fingerprint: fingerprint(privateKey) })
    })
  }

  test('Windows line ends are no defect', () => expect(codes(text.replaceAll('\n', '\r\n'))).toEqual([]))
})

test('a description reveals nothing of the key', () => {
  for (const text of [...Object.values(pem), bare(pem['private-pkcs8']), pem['private-pkcs8'].slice(0, 900)]) {
    const said = JSON.stringify(describeKey(text))
    expect(said).not.toContain(bare(pem['private-pkcs8']).slice(200, 220))
    expect(said.length).toBeLessThan(1000)
  }
})

describe('new pairs', () => {
  for (const format of ['pkcs1', 'pkcs8', undefined] as const) {
    test(format ?? 'the default', async () => {
      const keys = await generateKeys(format ? { format } : {})
      expect(describeKey(keys.privateKey)).toMatchObject({
        format: `private-${format ?? 'pkcs8'}`,
        bits: 2048,
        defects: [],
      })
      expect(describeKey(keys.publicKey)).toMatchObject({ format: 'public-spki', bits: 2048, defects: [] })
      expect(keys.publicKeyBase64).toMatch(/^MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A[A-Za-z0-9+/]+=*$/)
      expect(samePair(keys.privateKey, keys.publicKeyBase64)).toBe(true)
      const signature = sign('RSA-SHA256', Buffer.from('x'), createPrivateKey(keys.privateKey))
      expect(verify('RSA-SHA256', Buffer.from('x'), createPublicKey(keys.publicKey), signature)).toBe(true)
    })
  }

  test('are different every time', async () => {
    const [one, two] = await Promise.all([generateKeys(), generateKeys()])
    expect(samePair(one.privateKey, two.publicKey)).toBe(false)
  })
})

test('keys that belong together, in any form', () => {
  expect(samePair(privateKey, pem['public-pkcs1'])).toBe(true)
  expect(samePair(bare(pem['private-pkcs1']), publicKey)).toBe(true)
  expect(samePair(pem['public-spki'], bare(pem['public-spki']))).toBe(true)
  expect(samePair(privateKey, newPair().publicKey)).toBe(false)
})
