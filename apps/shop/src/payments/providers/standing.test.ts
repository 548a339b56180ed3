/** What an answer is worth: the rule over every combination of answers, standings and missing knowledge. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Answered, answerThatCounts, type Standing, WORTH } from './standing.ts'

const standing = fc.constantFrom<Standing>('of record', 'possible', 'other', 'sandbox')
const state = fc.constantFrom<Answered>('paid', 'waiting', 'closed', 'none', 'no answer')
const answers = fc.array(fc.record({ standing, state }), { maxLength: 4 })

test('whatever the accounts answer: a payment counts from each, and nothing is denied by an account that may not', () => {
  fc.assert(
    fc.property(answers, fc.boolean(), (given, complete) => {
      const found = answerThatCounts(given, complete)
      const paid = given.filter((each) => each.state === 'paid')
      if (paid.some((each) => each.standing !== 'sandbox'))
        return found?.state === 'paid' && found.standing !== 'sandbox'
      if (paid.length > 0 || !found) return found === undefined
      if (found.state === 'no answer' || found.standing === 'other') return false
      if (found.state === 'waiting' || found.standing === 'of record') return true
      const silent = given.some((each) => WORTH[each.standing][each.state] === 'nothing')
      return complete && !silent
    }),
    { numRuns: 100_000 },
  )
})

test.each<[Standing, Answered, boolean, boolean]>([
  ['of record', 'none', true, true],
  ['of record', 'closed', false, true],
  ['possible', 'none', true, true],
  ['possible', 'none', false, false],
  ['possible', 'closed', false, false],
  ['possible', 'waiting', false, true],
  ['other', 'none', true, false],
  ['other', 'closed', true, false],
  ['other', 'waiting', true, false],
  ['other', 'paid', false, true],
  ['sandbox', 'paid', true, false],
  ['sandbox', 'closed', true, true],
  ['of record', 'no answer', true, false],
])('%s says %s, all accounts known: %s → counts: %s', (from, said, complete, counts) => {
  expect(answerThatCounts([{ standing: from, state: said }], complete) !== undefined).toBe(counts)
})

test('one that is silent keeps the others from denying', () => {
  const none = { standing: 'possible', state: 'none' } as const
  expect(answerThatCounts([none, { standing: 'possible', state: 'closed' }], true)?.state).toBe('closed')
  expect(answerThatCounts([none, { standing: 'possible', state: 'no answer' }], true)).toBeUndefined()
})
