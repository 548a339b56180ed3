/** Calls WeChat Pay: one signed request, one answer, verified; and a clear word on whether anything may have happened. */
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

/** One attempt at one call. Never holds a key, a signature, or anything of a buyer's. */
export interface LogEntry {
  readonly method: string
  /** Without its query. */
  readonly path: string
  /** 1 for the first. */
  readonly attempt: number
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  /** WeChat's `code`, or this client's where there was no answer to believe. */
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
  /** From `/v3` on, with its query, encoded. */
  readonly path: string
  readonly body?: JsonObject | undefined
}

/** A verified answer; `values` is empty where it had no body. */
export interface Done {
  readonly ok: true
  readonly status: number
  readonly values: JsonObject
  readonly requestId: string | undefined
}

/** Where a repeat changes nothing, also an answer with a wrong signature is asked for again: WeChat sends such as tests. */
export const REPEATABLE: Repeatable = { repeatAfterUnknown: true, repeatUnbelieved: true }
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
    // Not all refusals are signed; one that is must be WeChat's. A test signature on it is right when it is asked again.
    if (answered.status >= 300 && answered.headers.has('wechatpay-signature')) await believed(transport, answered)
    return readAnswer(transport, answered, signed)
  }
  return repeat(attempt, transport, options, repeatable, (made) => transport.log?.(entryOf(call, made)))
}

/** Signs, sends, and takes what comes, unread. @throws NotSentError, UnknownOutcomeError */
export async function exchange(
  transport: Transport,
  { method, url, body }: { readonly method: 'GET' | 'POST'; readonly url: URL; readonly body?: JsonObject | undefined },
  signal: AbortSignal,
  timeoutMs: number,
  { accept = 'application/json', mostBytes }: { readonly accept?: string; readonly mostBytes?: number } = {},
): Promise<{ readonly answered: Answered; readonly signed: Signed }> {
  const content = body === undefined ? '' : JSON.stringify(body)
  const signed = await signRequest(transport, method, `${url.pathname}${url.search}`, content)
  const serial = transport.keys.preferred()
  const headers = {
    accept,
    // What is signed is said of the body, not of its compressed form.
    'accept-encoding': 'identity',
    'user-agent': USER_AGENT,
    authorization: signed.authorization,
    ...(content ? { 'content-type': 'application/json' } : {}),
    ...(serial ? { 'wechatpay-serial': serial } : {}),
  }
  const request = { url: url.href, method, headers, body: content }
  const answered = await send(request, { fetch: transport.fetch, signal, timeoutMs, mostBytes })
  return { answered, signed }
}

/** The status first; what it says is done is believed only with WeChat's signature. */
export async function readAnswer(
  { keys, clock }: { readonly keys: Pick<KeyRing, 'find'>; readonly clock: () => Date },
  answered: Answered,
  signed: Signed,
): Promise<Done | ErrorAnswer> {
  const { status, headers, body } = answered
  if (status !== 200 && status !== 204) return readRefusal(answered, signed)
  await believed({ keys, clock }, answered)
  const values = body.length === 0 ? {} : readObject(body.toString('utf8'))
  if (!values) throw new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', 'The answer is no JSON object.')
  return { ok: true, status, values, requestId: requestIdOf(headers) }
}

/** @throws UnknownOutcomeError where it is not signed by WeChat */
async function believed(
  { keys, clock }: { readonly keys: Pick<KeyRing, 'find'>; readonly clock: () => Date },
  { headers, body }: Answered,
): Promise<void> {
  const bad = await checkSignature(body, headers, keys, clock())
  if (!bad) return
  const message = `The answer is not believed. ${bad.message}${
    bad.signed === undefined ? '' : ' Is it the key that the console shows for this merchant?'
  }`
  throw new UnknownOutcomeError('ANSWER_NOT_VERIFIED', message, { signed: bad.signed })
}

/**
 * @throws GatewayRefusedError for what is wrong with the request itself
 * @throws UnknownOutcomeError where WeChat, or what stands before it, does not know
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
  // Wrong paths and methods are answered with nothing; any other 4XX without a code is not WeChat's.
  if (status === 404 || status === 405)
    throw new GatewayRefusedError(`HTTP_${status}`, `WeChat has no such interface (HTTP ${status}).`, {
      status,
      requestId,
    })
  throw new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `HTTP ${status} without a code: this was not WeChat Pay.`)
}

const ADVICE =
  "The merchant id, its certificate's serial number and the private key must be of one certificate, and the clock right."

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
