/** Calls the gateway: one request, one answer, verified; and a clear word on whether anything may have happened. */
import { type AnswerFields, type ReadAnswer, readAnswer } from './answer.ts'
import { canonicalString } from './canonical.ts'
import { AlipayError, GatewayRefusedError, NotSentError, UnknownOutcomeError } from './errors.ts'
import { fingerprint } from './keys.ts'
import { type Call, type Signer, signedRequest } from './request.ts'
import { type Send, send } from './send.ts'
import type { Verifier } from './signed-form.ts'

export interface LogEntry {
  readonly method: string
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  /** Which try of the same call it was; 1 is the first. */
  readonly attempt: number
  readonly code?: string
  readonly subCode?: string
}

export interface Transport extends Signer, Verifier, Send {
  /** How often a call that is safe to repeat is sent again within `timeoutMs`, where its outcome is not known. */
  readonly repeats: number
  /** Told of every call; never given a key, a signature or a buyer's data. */
  readonly log: ((entry: LogEntry) => void) | undefined
}

export interface CallOptions {
  /** Gives the call up. Once it was sent, that is an unknown outcome like any other. */
  readonly signal?: AbortSignal | undefined
  /** For the whole call with its repeats, in milliseconds. */
  readonly timeoutMs?: number | undefined
}

/** Whether the same call sent twice does the same as sent once. */
export type Repeat = 'safe' | 'unsafe'

/**
 * The verified answer: code 10000, 10003 (in progress), or 40004 with a business `subCode`.
 * Sent again only where that is safe: `repeat` is safe, or nothing reached Alipay.
 * @throws GatewayRefusedError when Alipay refused the request itself
 * @throws NotSentError when nothing reached Alipay
 * @throws UnknownOutcomeError when Alipay may have acted
 */
export async function execute(
  transport: Transport,
  call: Call,
  repeat: Repeat,
  options: CallOptions = {},
): Promise<AnswerFields> {
  const until = performance.now() + (options.timeoutMs ?? transport.timeoutMs)
  for (let attempt = 1; ; attempt += 1) {
    const started = performance.now()
    const tell = (entry: Pick<LogEntry, 'outcome' | 'code' | 'subCode'>) =>
      report(transport, {
        method: call.method,
        milliseconds: Math.round(performance.now() - started),
        attempt,
        ...entry,
      })
    try {
      const fields = await exchange(transport, call, Math.max(1, until - started), options.signal)
      tell({ outcome: 'answered', code: fields.code, subCode: fields.subCode })
      return fields
    } catch (error) {
      if (error instanceof AlipayError) tell(entryOf(error))
      const pause = 100 * 2 ** attempt
      const mayRepeat = error instanceof NotSentError || (repeat === 'safe' && error instanceof UnknownOutcomeError)
      const worthIt = attempt <= transport.repeats && performance.now() + pause < until && !isFinal(error)
      if (!mayRepeat || !worthIt || !(await paused(pause, options.signal))) throw error
    }
  }
}

/** An answer that cannot be believed will not be believable next time, and who gave up does not want another try. */
const isFinal = (error: unknown): boolean =>
  error instanceof AlipayError && ['ANSWER_NOT_VERIFIED', 'ABORTED', 'TIMED_OUT', 'TLS_REFUSED'].includes(error.code)

/** @returns false where the signal came first */
function paused(milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const done = (whole: boolean) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      resolve(whole)
    }
    const aborted = () => done(false)
    const timer = setTimeout(() => done(true), milliseconds)
    signal?.addEventListener('abort', aborted)
  })
}

/** A log that fails must not turn an answer about money into an error. */
function report({ log }: Transport, entry: LogEntry): void {
  try {
    log?.(entry)
  } catch {}
}

function entryOf(error: AlipayError): Pick<LogEntry, 'outcome' | 'code' | 'subCode'> {
  if (error instanceof GatewayRefusedError) return { outcome: 'refused', code: error.code, subCode: error.subCode }
  return { outcome: error instanceof UnknownOutcomeError ? 'unknown' : 'not sent', code: error.code }
}

async function exchange(
  transport: Transport,
  call: Call,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<AnswerFields> {
  const parameters = await signedRequest(transport, call)
  const { body, contentType } = await send(transport, parameters, timeoutMs, signal)
  const answer = await readAnswer(body, contentType, call.method, transport, transport.aesKey)
  return judge(answer, transport, parameters)
}

/** Codes with which Alipay refuses the request itself, before it acts (Alipay, "Common error codes"). */
const REFUSED_BEFORE_ACTING = ['20001', '40001', '40002', '40003', '40005', '40006']

/** The only refusals that Alipay does not sign: it does not know whose key to take. */
const NEVER_SIGNED = ['isv.invalid-app-id', 'isv.missing-app-id']

function judge(answer: ReadAnswer, transport: Transport, parameters: ReadonlyMap<string, string>): AnswerFields {
  if (answer.kind === 'unbelievable') {
    const key = fingerprint(transport.alipayPublicKey).slice(0, 16)
    const advice = `The key given as Alipay's has the fingerprint ${key}: is it the one of this gateway and this application?`
    throw new UnknownOutcomeError('ANSWER_NOT_VERIFIED', `${answer.why} ${advice}`)
  }
  const { fields, verified } = answer
  const { code, subCode } = fields
  const refused = REFUSED_BEFORE_ACTING.includes(code)
  if (!verified && !(refused && NEVER_SIGNED.includes(subCode))) {
    throw new UnknownOutcomeError(subCode || code || 'ANSWER_NOT_SIGNED', `The answer is not signed: ${fields.subMsg}`)
  }
  if (refused) {
    throw new GatewayRefusedError(code, subCode, fields.subMsg, verified, adviceFor(subCode, transport, parameters))
  }
  const done = code === '10000' || code === '10003' || code === '40004'
  if (done && !isUndecided(subCode)) return fields
  throw new UnknownOutcomeError(subCode || code || 'NO_CODE', `Alipay does not know: ${fields.subMsg || fields.msg}`)
}

/** Business answers that say that the outcome is not known; Alipay misspells one of them. */
const isUndecided = (subCode: string): boolean => /SYSTEM_ERROR$|unknow-error$|^UNKNOWN_ERROR$/.test(subCode)

/** What is most likely wrong, with what was signed. */
function adviceFor(subCode: string, transport: Transport, parameters: ReadonlyMap<string, string>): string {
  if (subCode === 'isv.invalid-signature') {
    return [
      `Signed with ${transport.signType} by the key whose public half has the fingerprint ${fingerprint(transport.privateKey).slice(0, 16)}:`,
      canonicalString(withoutTokens(parameters), ['sign']),
      'Most likely the public key uploaded to the Alipay console is not the pair of this private key, or this is the key of another application or of the sandbox.',
    ].join('\n')
  }
  if (subCode === 'isv.invalid-app-id') {
    return `The application ${transport.appId} is not known at ${new URL(transport.gateway).host}: is it a sandbox application on the real gateway, or the other way?`
  }
  return ''
}

/** An authorisation token is a secret, and an error is soon in a log. */
const withoutTokens = (parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...parameters].map(([name, value]) => [name, /auth_token$/.test(name) ? '***' : value]))
