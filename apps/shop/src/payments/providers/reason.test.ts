/** A failure is reported by its own code, however deep it is wrapped. */
import { UnknownOutcomeError } from '@xuecheng/client-kit'
import { expect, test } from 'vitest'
import { reasonOf } from './reason.ts'

const coded = (code: string) => Object.assign(new Error('x'), { code })

test.each<[string, unknown, string]>([
  ['a refused connection', new TypeError('fetch failed', { cause: coded('ECONNREFUSED') }), 'ECONNREFUSED'],
  ['a port that is blocked', new TypeError('fetch failed', { cause: new Error('bad port') }), 'bad port'],
  ['no answer in time', new DOMException('late', 'TimeoutError'), 'TIMED_OUT'],
  ['an HTTP status', new UnknownOutcomeError('HTTP_STATUS', 'The gateway answered HTTP 404.'), 'HTTP 404'],
  ['a client’s own code', new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', 'no JSON'), 'ANSWER_NOT_UNDERSTOOD'],
  ['nothing that is known', 'x', 'no answer'],
])('%s', (_, error, reason) => {
  expect(reasonOf(error)).toBe(reason)
})

test('what waited too long below a client’s error keeps the client’s code', () => {
  const late = new DOMException('late', 'TimeoutError')
  expect(reasonOf(new UnknownOutcomeError('TIMED_OUT', 'No answer within 8000 ms.', { cause: late }))).toBe('TIMED_OUT')
})
