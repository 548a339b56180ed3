import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, cutText, isText } from './cut-text.ts'

test('an emoji at the limit is removed whole, even a family', () => {
  expect(cutText(`${'课'.repeat(199)}📚`, 200)).toBe('课'.repeat(199))
  expect(cutText(`${'课'.repeat(198)}📚`, 200)).toBe(`${'课'.repeat(198)}📚`)
  expect(cutText('学习👨‍👩‍👧', 9)).toBe('学习')
  expect(cutText('学习👨‍👩‍👧', 10)).toBe('学习👨‍👩‍👧')
  expect(cutText('cafe\u0301', 4)).toBe('caf')
  expect(cutText('课程📚', 9, bytesOf)).toBe('课程')
})

test('a single character that exceeds the limit is cut between its marks', () => {
  expect(cutText(`e${'\u0301'.repeat(500)}`, 100)).toHaveLength(100)
  expect(cutText('📚', 1)).toBe('')
})

test('the result is a prefix, fits, and is valid text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, most) => {
      const cut = cutText(text, most)
      expect(text.startsWith(cut) && cut.length <= most && cut.isWellFormed()).toBe(true)
    }),
  )
})

test('an unpaired surrogate and NUL are not text', () => {
  expect(['课📚', '', '\ud83d', 'a\udcdab', 'a\0b'].map(isText)).toEqual([true, true, false, false, false])
})
