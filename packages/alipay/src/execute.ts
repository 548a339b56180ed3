/** Calls the gateway (POST): one request, one answer, verified; and a clear word on whether anything may have happened. */
import { type AnswerFields, readAnswer } from './answer.ts'
import { canonicalString } from './canonical.ts'
import { AlipayError, GatewayRefusedError, NotSentError, UnknownOutcomeError } from './errors.ts'
import { encodeForm } from './form.ts'
import { fingerprint } from './keys.ts'
import { type Call, type Signer, signedRequest } from './request.ts'
import type { Verifier } from './signed-form.ts'

export interface LogEntry {
  readonly method: string
  readonly milliseconds: number
  readonly outcome: 'answered' | 'refused' | 'unknown' | 'not sent'
  readonly code?: string
  readonly subCode?: string
}

export interface Transport extends Signer, Verifier {
  readonly gateway: string
  readonly fetch: typeof fetch
  readonly timeoutMs: number
  /** Told of every call; never given a key, a signature or a buyer's data. */
  readonly log: ((entry: LogEntry) => void) | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

const MOST_ANSWER_BYTES = 1024 * 1024

/**
 * The verified answer: code 10000, or 40004 with a business `subCode`.
 * @throws GatewayRefusedError when Alipay refused the request itself
 * @throws NotSentError when nothing reached Alipay
 * @throws UnknownOutcomeError when Alipay may have acted
 */
export async function execute(transport: Transport, call: Call, options: CallOptions = {}): Promise<AnswerFields> {
  const started = performance.now()
  const tell = (outcome: LogEntry['outcome'], fields?: AnswerFields) =>
    transport.log?.({
      method: call.method,
      milliseconds: Math.round(performance.now() - started),
      outcome,
      ...(fields ? { code: fields.code, subCode: fields.subCode } : {}),
    })
  try {
    const fields = await exchange(transport, call, options)
    tell('answered', fields)
    return fields
  } catch (error) {
    if (error instanceof AlipayError)
      tell(error instanceof NotSentError ? 'not sent' : error instanceof GatewayRefusedError ? 'refused' : 'unknown')
    throw error
  }
}

async function exchange(transport: Transport, call: Call, { signal }: CallOptions): Promise<AnswerFields> {
  const parameters = await signedRequest(transport, call)
  const canonical = canonicalString(parameters, ['sign'])
  const { body, contentType } = await send(transport, parameters, signal)
  const answer = await readAnswer(body, contentType, call.method, transport)
  if (answer.kind === 'unbelievable')
    throw new UnknownOutcomeError(
      'ANSWER_NOT_VERIFIED',
      `${answer.why} Its key: ${fingerprint(transport.alipayPublicKey).slice(0, 16)}. Is it the key of this gateway and this application?`,
    )
  const { fields, verified } = answer
  if (verified && (fields.code === '10000' || fields.code === '40004')) {
    if (fields.subCode.endsWith('SYSTEM_ERROR'))
      throw new UnknownOutcomeError(fields.subCode, `Alipay does not know: ${fields.subMsg}`)
    return fields
  }
  if (fields.code === '20000' || fields.code === '10000' || fields.code === '40004') {
    throw new UnknownOutcomeError(
      fields.subCode || fields.code,
      verified ? `Alipay is busy: ${fields.subMsg}` : 'The answer is not signed.',
    )
  }
  throw new GatewayRefusedError(
    fields.code,
    fields.subCode,
    fields.subMsg,
    verified,
    adviceFor(fields.subCode, transport, canonical),
  )
}

async function send(
  transport: Transport,
  parameters: Map<string, string>,
  signal: AbortSignal | undefined,
): Promise<{ body: Buffer; contentType: string | null }> {
  const content = parameters.get('biz_content') ?? ''
  parameters.delete('biz_content') // the rest stands in the address: Alipay reads charset from there
  const limit = AbortSignal.timeout(transport.timeoutMs)
  const form = encodeForm(new Map([['biz_content', content]]))
  try {
    const response = await transport.fetch(`${transport.gateway}?${encodeForm(parameters)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
      body: form,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
    const body = await readBounded(response)
    if (response.status !== 200)
      throw new UnknownOutcomeError('HTTP_STATUS', `The gateway answered HTTP ${response.status}.`)
    return { body, contentType: response.headers.get('content-type') }
  } catch (error) {
    if (error instanceof AlipayError) throw error
    if (neverConnected(error))
      throw new NotSentError('NOT_CONNECTED', `The gateway ${new URL(transport.gateway).host} cannot be reached.`, {
        cause: error,
      })
    const why = limit.aborted
      ? `No answer within ${transport.timeoutMs} ms.`
      : 'The connection broke before the answer was here.'
    throw new UnknownOutcomeError(limit.aborted ? 'TIMED_OUT' : 'CONNECTION_LOST', why, { cause: error })
  }
}

async function readBounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MOST_ANSWER_BYTES)
      throw new UnknownOutcomeError('ANSWER_TOO_LARGE', 'The answer is larger than 1 MiB.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const BEFORE_SENDING = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]

function neverConnected(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const codes = cause instanceof AggregateError ? cause.errors : [cause]
  return codes.some(
    (each: unknown) => each instanceof Error && 'code' in each && BEFORE_SENDING.includes(String(each.code)),
  )
}

/** What is most likely wrong, with what was signed. */
function adviceFor(subCode: string, transport: Transport, canonical: string): string {
  if (subCode === 'isv.invalid-signature') {
    return [
      `Signed with ${transport.signType} by the key whose public half has the fingerprint ${fingerprint(transport.privateKey).slice(0, 16)}:`,
      canonical,
      'Most likely the public key uploaded to the Alipay console is not the pair of this private key, or this is the key of another application or of the sandbox.',
    ].join('\n')
  }
  if (subCode === 'isv.invalid-app-id') {
    return `The application ${transport.appId} is not known at ${new URL(transport.gateway).host}: is it a sandbox application on the real gateway, or the other way?`
  }
  return ''
}
