/** When a call is retried, and which of its errors is reported. */
import { describe, expect, test } from 'vitest'
import { ClientError, NotSentError, UnknownOutcomeError } from './errors.ts'
import { type Attempt, type Repeatable, repeat } from './repeat.ts'

const unknown = (code = 'CONNECTION_LOST') => new UnknownOutcomeError(code, 'x')
const notConnected = new NotSentError('NOT_CONNECTED', 'x')
const quick = { pauseMs: 1 }

/** Plays a list of errors, then answers; returns the result and the number of attempts. */
async function run(script: readonly Error[], repeatable: Partial<Repeatable> = {}, retries = 2) {
  const attempts: Attempt<string>[] = []
  let tries = 0
  const exchange = async () => {
    const error = script[tries]
    tries += 1
    if (error) throw error
    return 'answer'
  }
  const limits = { timeoutMs: 2000, retries }
  const rule = { repeatAfterUnknown: false, ...quick, ...repeatable }
  const outcome: unknown = await repeat(exchange, limits, {}, rule, (attempt) => attempts.push(attempt)).catch(
    (error) => error,
  )
  return { outcome, tries, attempts }
}

test('a call that was not sent is retried, up to the limit', async () => {
  expect(await run([notConnected, notConnected])).toMatchObject({ outcome: 'answer', tries: 3 })
  expect(await run([notConnected, notConnected, notConnected])).toMatchObject({ outcome: notConnected, tries: 3 })
  expect(await run([new NotSentError('TLS_REFUSED', 'x')])).toMatchObject({ tries: 1 })
})

test('a call that may have acted is retried only when that is safe', async () => {
  expect(await run([unknown()])).toMatchObject({ outcome: { code: 'CONNECTION_LOST' }, tries: 1 })
  expect(await run([unknown()], { repeatAfterUnknown: true })).toMatchObject({ outcome: 'answer', tries: 2 })
})

test('an answer that failed verification is retried only on request', async () => {
  const unbelieved = unknown('ANSWER_NOT_VERIFIED')
  expect(await run([unbelieved], { repeatAfterUnknown: true })).toMatchObject({ outcome: unbelieved, tries: 1 })
  const again = { repeatAfterUnknown: true, repeatUnverified: true }
  expect(await run([unbelieved], again)).toMatchObject({ outcome: 'answer', tries: 2 })
  expect(await run([unbelieved], { repeatUnverified: true })).toMatchObject({ outcome: unbelieved, tries: 1 })
})

describe('an earlier attempt that may have acted keeps the outcome unknown', () => {
  const first = unknown()
  test('when the next one was not sent', async () => {
    const script = [first, notConnected, notConnected]
    expect((await run(script, { repeatAfterUnknown: true })).outcome).toBe(first)
  })
  test('when the next one was refused', async () => {
    const script = [first, new ClientError('SIGN_ERROR', 'x')]
    expect((await run(script, { repeatAfterUnknown: true })).outcome).toBe(first)
  })
})

test('an error that is not a ClientError is a bug and is rethrown at once', async () => {
  const mistake = new TypeError('x')
  expect(await run([mistake], { repeatAfterUnknown: true })).toMatchObject({ outcome: mistake, tries: 1, attempts: [] })
})

test('every attempt is logged, and a log that throws changes nothing', async () => {
  const { attempts } = await run([unknown(), notConnected], { repeatAfterUnknown: true })
  expect(attempts).toMatchObject([
    { attempt: 1, outcome: 'unknown', error: { code: 'CONNECTION_LOST' } },
    { attempt: 2, outcome: 'not sent', error: { code: 'NOT_CONNECTED' } },
    { attempt: 3, outcome: 'answered', result: 'answer', error: undefined },
  ])
  const failing = () => {
    throw new Error('disk full')
  }
  expect(await repeat(async () => 1, { timeoutMs: 100, retries: 0 }, {}, { repeatAfterUnknown: false }, failing)).toBe(
    1,
  )
})

test('no retry starts after the caller has aborted', async () => {
  const gone = new AbortController()
  let tries = 0
  const exchange = async () => {
    tries += 1
    gone.abort()
    throw unknown()
  }
  const options = { signal: gone.signal }
  const rule = { repeatAfterUnknown: true, pauseMs: 60_000 }
  const call = repeat(exchange, { timeoutMs: 2000, retries: 5 }, options, rule, () => undefined)
  await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  expect(tries).toBe(1)
})
