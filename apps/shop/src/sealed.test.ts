/** What is sealed opens with the same secret for the same purpose, and for nothing else. */
import { expect, test } from 'vitest'
import { createSeal } from './sealed.ts'

const seal = createSeal('a secret of more than thirty-two characters')

test('what was sealed opens again, and says nothing meanwhile', () => {
  const sealed = seal.seal('keys', '私钥 private')
  expect(sealed).not.toContain('private')
  expect(seal.open('keys', sealed)).toBe('私钥 private')
  expect(seal.seal('keys', '私钥 private')).not.toBe(sealed)
})

test('another purpose, another secret, or one changed letter opens nothing', () => {
  const sealed = seal.seal('keys', 'x')
  expect(() => seal.open('codes', sealed)).toThrow()
  expect(() => createSeal('another secret of thirty-two characters').open('keys', sealed)).toThrow()
  const changed = sealed.slice(0, -2) + (sealed.at(-2) === 'A' ? 'B' : 'A') + sealed.slice(-1)
  expect(() => seal.open('keys', changed)).toThrow()
  expect(() => seal.open('keys', 'v1.AA')).toThrow('not sealed here')
})
