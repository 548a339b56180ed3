/**
 * Calls WeChat Pay: one signed request, one verified answer, and an error type that says whether anything may have
 * happened.
 */
import {
  type Answered,
  type Attempt,
  type CallOptions,
  type Limits,
  type Repeatable,
  repeat,
  send,
  UnknownOutcomeError,
} from '@xuecheng/client-kit'
import { GatewayRefusedError } from './errors.ts'
import { type JsonObject, readObject, textOf } from './json.ts'
import type { KeyRing } from './key-ring.ts'
import type { ErrorAnswer } from './refusals.ts'
import { type Signed, type Signer, signRequest, withoutBuyers } from './sign.ts'
import { checkSignature } from './verify.ts'

/** One attempt of a call. Never holds a key, a signature or a buyer's data. */
export interface LogEntry {
  readonly method: string
  /** Without its query. */
  readonly path: string
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  /** WeChat's `code`, or this client's error code when there was no trusted answer. */
  readonly code?: string
  readonly requestId?: string
}

export interface Transport extends Signer, Limits {
  readonly appId: string
  readonly baseUrl: string
  readonly fetch: typeof fetch
  readonly keys: KeyRing
  readonly apiV3Key: Buffer
  readonly log: ((entry: LogEntry) => void) | undefined
}

export interface Call {
  readonly method: 'GET' | 'POST'
  /** Starts with `/v3` and includes the encoded query. */
  readonly path: string
  readonly body?: JsonObject | undefined
}

/** A verified answer; `values` is empty if it had no body. */
export interface Done {
  readonly ok: true
  readonly status: number
  readonly values: JsonObject
  readonly requestId: string | undefined
}

/** When a repeat changes nothing, an answer with a wrong signature is retried too: WeChat sends some as tests. */
export const REPEATABLE: Repeatable = { repeatAfterUnknown: true, repeatUnverified: true }
export const ONCE: Repeatable = { repeatAfterUnknown: false }

const USER_AGENT = `xuecheng-wechatpay/0.1 Node.js/${process.versions.node}`

/**
 * @throws GatewayRefusedError when WeChat refused the request itself
 * @throws NotSentError when nothing reached WeChat
 * @throws UnknownOutcomeError when WeChat may have acted
 */
export function execute(
  transport: Transport,
  call: Call,
  options: CallOptions = {},
  repeatable: Repeatable = REPEATABLE,
): Promise<Done | ErrorAnswer> {
  const attempt = async (signal: AbortSignal, timeoutMs: number) => {
    const url = new URL(`${transport.baseUrl}${call.path}`)
    const { answered, signed } = await exchange(transport, { ...call, url }, signal, timeoutMs)
    // Not all refusals are signed, but a signed one must be WeChat's. If its signature was a test, the retry has a
    // right one.
    if (answered.status >= 300 && answered.headers.has('wechatpay-signature')) await checkSigned(transport, answered)
    return readAnswer(transport, answered, signed)
  }
  return repeat(attempt, transport, options, repeatable, (made) => transport.log?.(entryOf(call, made)))
}

/** Signs and sends a request and returns the answer unread. @throws NotSentError, UnknownOutcomeError */
export async function exchange(
  transport: Transport,
  { method, url, body }: { readonly method: 'GET' | 'POST'; readonly url: URL; readonly body?: JsonObject | undefined },
  signal: AbortSignal,
  timeoutMs: number,
  { accept = 'application/json', maxBytes }: { readonly accept?: string; readonly maxBytes?: number } = {},
): Promise<{ readonly answered: Answered; readonly signed: Signed }> {
  const content = body === undefined ? '' : JSON.stringify(body)
  const signed = await signRequest(transport, method, `${url.pathname}${url.search}`, content)
  const serial = transport.keys.preferred()
  const headers = {
    accept,
    // The signature covers the plain body, not its compressed form.
    'accept-encoding': 'identity',
    'user-agent': USER_AGENT,
    authorization: signed.authorization,
    ...(content ? { 'content-type': 'application/json' } : {}),
    ...(serial ? { 'wechatpay-serial': serial } : {}),
  }
  const request = { url: url.href, method, headers, body: content }
  const answered = await send(request, { fetch: transport.fetch, signal, timeoutMs, maxBytes })
  return { answered, signed }
}

/** Reads the status first; a success is trusted only with WeChat's signature. */
export async function readAnswer(
  { keys, clock }: { readonly keys: Pick<KeyRing, 'find'>; readonly clock: () => Date },
  answered: Answered,
  signed: Signed,
): Promise<Done | ErrorAnswer> {
  const { status, headers, body } = answered
  if (status !== 200 && status !== 204) return readRefusal(answered, signed)
  await checkSigned({ keys, clock }, answered)
  const values = body.length === 0 ? {} : readObject(body.toString('utf8'))
  if (!values) throw new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', 'The answer is not a JSON object.')
  return { ok: true, status, values, requestId: requestIdOf(headers) }
}

/** @throws UnknownOutcomeError when WeChat did not sign it */
async function checkSigned(
  { keys, clock }: { readonly keys: Pick<KeyRing, 'find'>; readonly clock: () => Date },
  { headers, body }: Answered,
): Promise<void> {
  const bad = await checkSignature(body, headers, keys, clock())
  if (!bad) return
  const message = `The answer cannot be trusted. ${bad.message}${
    bad.signed === undefined ? '' : ' Is it the key that the console shows for this merchant?'
  }`
  throw new UnknownOutcomeError('ANSWER_NOT_VERIFIED', message, { signed: bad.signed })
}

/**
 * @throws GatewayRefusedError when the request itself is wrong
 * @throws UnknownOutcomeError when WeChat, or a proxy before it, does not know the outcome
 */
function readRefusal({ status, headers, body }: Answered, signed: Signed): ErrorAnswer {
  const values = readObject(body.toString('utf8')) ?? {}
  const [code, message] = [textOf(values, 'code'), textOf(values, 'message')]
  const requestId = requestIdOf(headers)
  if (status < 400 || status >= 500 || status === 408 || status === 429)
    throw new UnknownOutcomeError(code || 'HTTP_STATUS', `WeChat answered HTTP ${status}. ${message}`.trim())
  if (status === 401) {
    throw new GatewayRefusedError(code || 'HTTP_401', `${code || 'HTTP 401'}: ${message}\n${ADVICE}`, {
      status,
      requestId,
      signed: withoutBuyers(signed.text),
    })
  }
  if (code) return { ok: false, status, code, message, requestId, values }
  // Wrong paths and methods get an empty answer; any other 4XX without a code is not WeChat's.
  if (status === 404 || status === 405)
    throw new GatewayRefusedError(`HTTP_${status}`, `WeChat has no such interface (HTTP ${status}).`, {
      status,
      requestId,
    })
  throw new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `HTTP ${status} without a code: this was not WeChat Pay.`)
}

const ADVICE =
  "The merchant id, its certificate's serial number and the private key must belong to one certificate, and the clock must be right."

const requestIdOf = (headers: Headers): string | undefined => headers.get('request-id') ?? undefined

export function entryOf({ method, path }: Call, made: Attempt<Done | ErrorAnswer>): LogEntry {
  const { attempt, milliseconds, outcome, result, error } = made
  const code = error?.code ?? (result?.ok === false ? result.code : undefined)
  const requestId = error instanceof GatewayRefusedError ? error.requestId : result?.requestId
  return {
    method,
    path: path.split('?', 1)[0] ?? '',
    attempt,
    milliseconds,
    outcome: result?.ok === false ? 'refused' : outcome,
    ...(code ? { code } : {}),
    ...(requestId ? { requestId } : {}),
  }
}
