/**
 * Calls the gateway (POST): one request, one verified answer, and an error type that says whether anything may have
 * happened.
 */
import {
  type Attempt,
  type CallOptions,
  type Limits,
  type Repeatable,
  repeat,
  UnknownOutcomeError,
} from '@xuecheng/client-kit'
import { adviceFor, adviceOnAnswer } from './advice.ts'
import { type AnswerFields, type AnswerReader, readAnswer } from './answer.ts'
import { GatewayRefusedError } from './errors.ts'
import { type Post, post } from './post.ts'
import { type Call, type Signer, signedRequest } from './request.ts'

/** One attempt of a call. Never holds a key, a signature or a buyer's data. */
export interface LogEntry {
  readonly method: string
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  /** Alipay's `code`, or this client's error code when there was no trusted answer. */
  readonly code?: string
  readonly subCode?: string
}

export interface Transport extends Signer, AnswerReader, Post, Limits {
  readonly alipayCertSn?: string | undefined
  readonly log: ((entry: LogEntry) => void) | undefined
}

/**
 * The verified answer: code 10000 (10003: in progress), or 40004 with a business `subCode`.
 * @throws GatewayRefusedError when Alipay refused the request itself
 * @throws NotSentError when nothing reached Alipay
 * @throws UnknownOutcomeError when Alipay may have acted
 */
export async function execute(
  transport: Transport,
  call: Call,
  options: CallOptions = {},
  repeatable: Repeatable = { repeatAfterUnknown: false },
): Promise<AnswerFields> {
  const attempt = (signal: AbortSignal, timeoutMs: number) => exchange(transport, call, signal, timeoutMs)
  return repeat(attempt, transport, options, repeatable, (made) => transport.log?.(entryOf(call, made)))
}

function entryOf({ method }: Call, { attempt, milliseconds, outcome, result, error }: Attempt<AnswerFields>): LogEntry {
  const subCode = error instanceof GatewayRefusedError ? error.subCode : (result?.subCode ?? '')
  const code = error?.code ?? result?.code
  return { method, attempt, milliseconds, outcome, ...(code ? { code } : {}), ...(subCode ? { subCode } : {}) }
}

async function exchange(
  transport: Transport,
  call: Call,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<AnswerFields> {
  const { parameters, canonical } = await signedRequest(transport, call)
  const { body, contentType } = await post(transport, parameters, signal, timeoutMs)
  const answer = await readAnswer(body, contentType, call.method, transport)
  if (answer.kind === 'untrusted') {
    throw new UnknownOutcomeError('ANSWER_NOT_VERIFIED', adviceOnAnswer(answer, transport), { signed: answer.signed })
  }
  const { fields, verified } = answer
  if (isUnknown(fields)) {
    throw new UnknownOutcomeError(
      fields.subCode || fields.code,
      `Alipay does not know the outcome: ${fields.subMsg || fields.msg}`,
    )
  }
  const { code, subCode, msg } = fields
  const refused = REFUSED_BEFORE_ACTING.includes(code)
  if (!verified && !(refused && NEVER_SIGNED.includes(subCode))) {
    throw new UnknownOutcomeError('ANSWER_NOT_SIGNED', `The answer (${subCode || code}) is not signed.`)
  }
  if (ANSWERED.includes(code)) return fields
  const subMsg = fields.subMsg || msg
  if (!refused) throw new UnknownOutcomeError('ANSWER_NOT_UNDERSTOOD', `Alipay answered with code ${code}: ${subMsg}`)
  const signed = withoutTokens(canonical)
  throw new GatewayRefusedError(code, {
    subCode,
    subMsg,
    verified,
    advice: adviceFor(subCode, transport, signed),
    signed: subCode === 'isv.invalid-signature' ? signed : undefined,
  })
}

/** 10003: accepted, waiting for the buyer. */
const ANSWERED = ['10000', '10003', '40004']

/** Codes with which Alipay refuses the request itself, before it acts (Alipay, "Common error codes"). */
const REFUSED_BEFORE_ACTING = ['20001', '40001', '40002', '40003', '40005', '40006']

/** The only refusals that Alipay does not sign: it cannot tell which key to sign with. */
const NEVER_SIGNED = ['isv.invalid-app-id', 'isv.missing-app-id']

/** An authorisation token is a secret, and errors end up in logs. */
const withoutTokens = (canonical: string): string => canonical.replace(/(auth_token=)[^&]*/g, '$1***')

/** Alipay reports an unknown outcome (code 20000; `ACQ.SYSTEM_ERROR`, once misspelt `AQC.`; a bill's own code). */
const isUnknown = ({ code, subCode }: AnswerFields): boolean =>
  code === '20000' || /SYSTEM_ERROR$|UNKNOWN_ERROR$|unknow-error$/.test(subCode)
