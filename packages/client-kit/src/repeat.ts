/** Retries a call when that is safe, within one time limit, and never forgets that an attempt may have acted. */
import { setTimeout as wait } from 'node:timers/promises'
import { ClientError, NotSentError, UnknownOutcomeError } from './errors.ts'

export interface CallOptions {
  /** Aborting before sending gives NotSentError, afterwards UnknownOutcomeError. */
  readonly signal?: AbortSignal | undefined
  /** Overrides the client's time limit, in milliseconds, retries included. */
  readonly timeoutMs?: number | undefined
}

/** What may be retried after an unknown outcome. A call that certainly was not sent is always retried. */
export interface Repeatable {
  readonly repeatAfterUnknown: boolean
  /** Also after an answer that failed verification, for gateways that send such as tests or may have replaced a key. */
  readonly repeatUnverified?: boolean
  /** The pause between two attempts, if the gateway requires one. */
  readonly pauseMs?: number
}

export interface Limits {
  /** For a call with all its retries. */
  readonly timeoutMs: number
  readonly retries: number
}

/** One attempt of a call. `error` is undefined when it was answered. */
export interface Attempt<Result> {
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  readonly result: Result | undefined
  readonly error: ClientError | undefined
}

/**
 * Runs `exchange` until it answers or may not be retried. A log that throws changes nothing.
 * @throws what the last attempt threw; or the UnknownOutcomeError of an earlier attempt that may have acted
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
      // That the last attempt did nothing proves nothing about earlier ones: one of them may have acted.
      if (error instanceof UnknownOutcomeError) unknown = error
      const outcome = unknown ?? error
      if (attempt > limits.retries || !mayRepeat(error, repeatable) || signal.aborted) throw outcome
      const waited = await wait(repeatable.pauseMs ?? 100 * 2 ** attempt, true, { signal }).catch(() => false)
      if (!waited) throw outcome
    }
  }
}

/** A log that throws must not turn an answer about money into an error. */
function safely(log: () => void): void {
  try {
    log()
  } catch {}
}

function outcomeOf(error: ClientError): Attempt<never>['outcome'] {
  if (error instanceof UnknownOutcomeError) return 'unknown'
  return error instanceof NotSentError ? 'not sent' : 'refused'
}

/** An answer that failed verification is retried only on request: with a wrong key it would fail again. */
function mayRepeat(error: ClientError, { repeatAfterUnknown, repeatUnverified = false }: Repeatable): boolean {
  if (error instanceof NotSentError) return error.code === 'NOT_CONNECTED'
  if (!repeatAfterUnknown || !(error instanceof UnknownOutcomeError)) return false
  return repeatUnverified || !error.code.startsWith('ANSWER_')
}
