/** Reading the shop profile embedded in a page; invalid content counts as none. */
import { expect, test } from 'vitest'
import { readTold } from './shop-profile.ts'

test('what the page tells', () => {
  expect(readTold('{"names":{"zh":"墨香","en":"Ink"},"icp":"1"}')).toEqual({
    names: { zh: '墨香', en: 'Ink' },
    icp: '1',
  })
  for (const nothing of [undefined, null, '', '{', '3', 'null']) expect(readTold(nothing)).toEqual({})
})
