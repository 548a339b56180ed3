/** Repeats a call where that is safe, within one limit of time, and never forgets that an attempt may have acted. */
import { setTimeout as wait } from 'node:timers/promises'
import { ClientError, NotSentError, UnknownOutcomeError } from './errors.ts'

export interface CallOptions {
  /** Aborted before sending: NotSentError; afterwards: UnknownOutcomeError. */
  readonly signal?: AbortSignal | undefined
  /** In place of the client's own, in milliseconds, repeats included. */
  readonly timeoutMs?: number | undefined
}

/** What may be done by itself after an unknown outcome. A call that certainly was not sent is always repeated. */
export interface Repeatable {
  readonly repeatAfterUnknown: boolean
  /** Also after an answer that was not believed: where a gateway sends such on purpose, or a key may have been replaced. */
  readonly repeatUnbelieved?: boolean
  /** Between two attempts, where the gateway asks for a pause. */
  readonly pauseMs?: number
}

export interface Limits {
  /** For a call with all its repeats. */
  readonly timeoutMs: number
  readonly retries: number
}

/** One attempt at a call. `error` is undefined where it was answered. */
export interface Attempt<Result> {
  /** 1 for the first. */
  readonly attempt: number
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  readonly result: Result | undefined
  readonly error: ClientError | undefined
}

/**
 * Runs `exchange` until it answers or may not be repeated. A log that fails changes nothing.
 * @throws what the last attempt threw; or, where an earlier one may have acted, that one's UnknownOutcomeError
 */
export async function repeat<Result>(
  exchange: (signal: AbortSignal, timeoutMs: number) => Promise<Result>,
  limits: Limits,
  options: CallOptions,
  repeatable: Repeatable,
  log: (attempt: Attempt<Result>) => void,
): Promise<Result> {
  const timeoutMs = options.timeoutMs ?? limits.timeoutMs
  const limit = AbortSignal.timeout(timeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit
  let unknown: UnknownOutcomeError | undefined
  for (let attempt = 1; ; attempt += 1) {
    const started = performance.now()
    const tell = (outcome: Attempt<Result>['outcome'], result?: Result, error?: ClientError) =>
      safely(() => log({ attempt, milliseconds: Math.round(performance.now() - started), outcome, result, error }))
    try {
      const result = await exchange(signal, timeoutMs)
      tell('answered', result)
      return result
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      tell(outcomeOf(error), undefined, error)
      // That the last attempt did nothing says nothing of the ones before it: one of those may have acted.
      if (error instanceof UnknownOutcomeError) unknown = error
      const outcome = unknown ?? error
      if (attempt > limits.retries || !mayRepeat(error, repeatable) || signal.aborted) throw outcome
      const waited = await wait(repeatable.pauseMs ?? 100 * 2 ** attempt, true, { signal }).catch(() => false)
      if (!waited) throw outcome
    }
  }
}

/** A log that fails must not turn an answer about money into an error. */
function safely(log: () => void): void {
  try {
    log()
  } catch {}
}

function outcomeOf(error: ClientError): Attempt<never>['outcome'] {
  if (error instanceof UnknownOutcomeError) return 'unknown'
  return error instanceof NotSentError ? 'not sent' : 'refused'
}

/** An answer that is not believed is asked for again only by request: a wrong key would be wrong again. */
function mayRepeat(error: ClientError, { repeatAfterUnknown, repeatUnbelieved = false }: Repeatable): boolean {
  if (error instanceof NotSentError) return error.code === 'NOT_CONNECTED'
  if (!repeatAfterUnknown || !(error instanceof UnknownOutcomeError)) return false
  return repeatUnbelieved || !error.code.startsWith('ANSWER_')
}
