import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allowedSubject } from './provider.ts'

test('a buyer names an order as they like: the gateway takes it, and no column of the day’s bill seems to end in it', () => {
  expect(allowedSubject('Vue, React & Co: a/b=c')).toBe('Vue， React Co: a b c')
  expect(allowedSubject(' / & = ')).toBe('Xuecheng')
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(',', '/', '=', '&', ' ', 'a', '学'), maxLength: 300 }), (subject) => {
      const allowed = allowedSubject(subject)
      expect(allowed).not.toMatch(/[,/=&]/)
      expect(allowed.length).toBeGreaterThan(0)
      expect(allowed.length).toBeLessThanOrEqual(200)
    }),
  )
})
