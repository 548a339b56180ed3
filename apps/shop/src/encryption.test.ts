/** Encrypted text can be decrypted with the same secret for the same purpose, and in no other way. */
import { expect, test } from 'vitest'
import { createEncryption } from './encryption.ts'

const encryption = createEncryption('a secret of more than thirty-two characters')

test('encrypted text decrypts again, and reveals nothing meanwhile', () => {
  const sealed = encryption.encrypt('keys', '私钥 private')
  expect(sealed).not.toContain('private')
  expect(encryption.decrypt('keys', sealed)).toBe('私钥 private')
  expect(encryption.encrypt('keys', '私钥 private')).not.toBe(sealed)
})

test('another purpose, another secret, or one changed letter cannot be decrypted', () => {
  const sealed = encryption.encrypt('keys', 'x')
  expect(() => encryption.decrypt('codes', sealed)).toThrow()
  expect(() => createEncryption('another secret of thirty-two characters').decrypt('keys', sealed)).toThrow()
  const changed = sealed.slice(0, -2) + (sealed.at(-2) === 'A' ? 'B' : 'A') + sealed.slice(-1)
  expect(() => encryption.decrypt('keys', changed)).toThrow()
  expect(() => encryption.decrypt('keys', 'v1.AA')).toThrow('not encrypted here')
})
