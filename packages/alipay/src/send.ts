/** The HTTP exchange with the gateway: POST, bounded in time and size; says whether anything can have arrived. */
import { AlipayError, NotSentError, UnknownOutcomeError } from './errors.ts'
import { encodeForm } from './form.ts'

export interface Send {
  readonly gateway: string
  readonly fetch: typeof fetch
  readonly timeoutMs: number
}

const MOST_ANSWER_BYTES = 1024 * 1024

/** @throws NotSentError, UnknownOutcomeError */
export async function send(
  { gateway, fetch }: Send,
  parameters: ReadonlyMap<string, string>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<{ body: Buffer; contentType: string | null }> {
  if (signal?.aborted) throw new NotSentError('ABORTED', 'The call was given up before it was sent.')
  const limit = AbortSignal.timeout(Math.ceil(timeoutMs))
  // Alipay reads charset from the address; only the content goes into the body.
  const address = new Map([...parameters].filter(([name]) => name !== 'biz_content'))
  const content = new Map([...parameters].filter(([name]) => name === 'biz_content'))
  try {
    const response = await fetch(`${gateway}?${encodeForm(address)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
      body: encodeForm(content),
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
    const body = await readBounded(response, MOST_ANSWER_BYTES)
    if (!body) throw new UnknownOutcomeError('ANSWER_TOO_LARGE', 'The answer is larger than 1 MiB.')
    if (response.status !== 200)
      throw new UnknownOutcomeError('HTTP_STATUS', `The gateway answered HTTP ${response.status}.`)
    return { body, contentType: response.headers.get('content-type') }
  } catch (error) {
    throw error instanceof AlipayError ? error : sendingFailed(error, gateway, limit.aborted && timeoutMs, signal)
  }
}

function sendingFailed(
  cause: unknown,
  gateway: string,
  timedOutAfter: number | false,
  signal: AbortSignal | undefined,
): AlipayError {
  const { host } = new URL(gateway)
  const before = beforeSending(cause)
  if (before === 'connect')
    return new NotSentError('NOT_CONNECTED', `The gateway ${host} cannot be reached.`, { cause })
  if (before === 'tls') return new NotSentError('TLS_REFUSED', `${host} has no certificate that is trusted.`, { cause })
  if (signal?.aborted) return new UnknownOutcomeError('ABORTED', 'The call was given up after it was sent.', { cause })
  if (timedOutAfter !== false)
    return new UnknownOutcomeError('TIMED_OUT', `No answer within ${Math.ceil(timedOutAfter)} ms.`, { cause })
  return new UnknownOutcomeError('CONNECTION_LOST', 'The connection broke before the answer was here.', { cause })
}

/** The whole body; undefined where it is larger than `most` bytes. */
export async function readBounded(response: Response, most: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > most) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A failure to look the name up, to connect, or to trust the other side: the request was not sent. */
export function beforeSending(error: unknown): 'connect' | 'tls' | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const causes: unknown[] = cause instanceof AggregateError ? cause.errors : [cause]
  if (causes.length === 0) return undefined
  if (causes.every((each) => isConnecting(each))) return 'connect'
  return causes.every((each) => TLS_REFUSALS.test(property(each, 'code'))) ? 'tls' : undefined
}

// The same codes also come from established connections: only those of connecting say that nothing was sent.
const isConnecting = (error: unknown): boolean =>
  ['connect', 'getaddrinfo'].includes(property(error, 'syscall')) ||
  property(error, 'code') === 'UND_ERR_CONNECT_TIMEOUT'

const TLS_REFUSALS = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^ERR_TLS/

const property = (error: unknown, name: 'code' | 'syscall'): string =>
  error instanceof Error && name in error ? String((error as NodeJS.ErrnoException)[name]) : ''
