/** When a call is repeated, and which of its errors is the one to believe. */
import { describe, expect, test } from 'vitest'
import { ClientError, NotSentError, UnknownOutcomeError } from './errors.ts'
import { type Attempt, type Repeatable, repeat } from './repeat.ts'

const unknown = (code = 'CONNECTION_LOST') => new UnknownOutcomeError(code, 'x')
const notConnected = new NotSentError('NOT_CONNECTED', 'x')
const quick = { pauseMs: 1 }

/** Runs through a script of errors, then answers; gives what came of it, and how often it was tried. */
async function run(script: readonly Error[], repeatable: Partial<Repeatable> = {}, retries = 2) {
  const told: Attempt<string>[] = []
  let tries = 0
  const exchange = async () => {
    const error = script[tries]
    tries += 1
    if (error) throw error
    return 'answer'
  }
  const limits = { timeoutMs: 2000, retries }
  const rule = { repeatAfterUnknown: false, ...quick, ...repeatable }
  const outcome: unknown = await repeat(exchange, limits, {}, rule, (attempt) => told.push(attempt)).catch(
    (error) => error,
  )
  return { outcome, tries, told }
}

test('a call that was not sent is repeated, up to the limit', async () => {
  expect(await run([notConnected, notConnected])).toMatchObject({ outcome: 'answer', tries: 3 })
  expect(await run([notConnected, notConnected, notConnected])).toMatchObject({ outcome: notConnected, tries: 3 })
  expect(await run([new NotSentError('TLS_REFUSED', 'x')])).toMatchObject({ tries: 1 })
})

test('one that may have acted is repeated only where that is safe', async () => {
  expect(await run([unknown()])).toMatchObject({ outcome: { code: 'CONNECTION_LOST' }, tries: 1 })
  expect(await run([unknown()], { repeatAfterUnknown: true })).toMatchObject({ outcome: 'answer', tries: 2 })
})

test('an answer that was not believed is asked for again only by request', async () => {
  const unbelieved = unknown('ANSWER_NOT_VERIFIED')
  expect(await run([unbelieved], { repeatAfterUnknown: true })).toMatchObject({ outcome: unbelieved, tries: 1 })
  const again = { repeatAfterUnknown: true, repeatUnbelieved: true }
  expect(await run([unbelieved], again)).toMatchObject({ outcome: 'answer', tries: 2 })
  expect(await run([unbelieved], { repeatUnbelieved: true })).toMatchObject({ outcome: unbelieved, tries: 1 })
})

describe('an attempt that may have acted is not forgotten', () => {
  const first = unknown()
  test('for one that was not sent', async () => {
    const script = [first, notConnected, notConnected]
    expect((await run(script, { repeatAfterUnknown: true })).outcome).toBe(first)
  })
  test('for one that was refused', async () => {
    const script = [first, new ClientError('SIGN_ERROR', 'x')]
    expect((await run(script, { repeatAfterUnknown: true })).outcome).toBe(first)
  })
})

test('what is no error of a client is a mistake of the program, and goes straight up', async () => {
  const mistake = new TypeError('x')
  expect(await run([mistake], { repeatAfterUnknown: true })).toMatchObject({ outcome: mistake, tries: 1, told: [] })
})

test('every attempt is told of, and a log that fails changes nothing', async () => {
  const { told } = await run([unknown(), notConnected], { repeatAfterUnknown: true })
  expect(told).toMatchObject([
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

test('no repeat begins after the caller has given up', async () => {
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
