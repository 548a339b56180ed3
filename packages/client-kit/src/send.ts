/** Sends one request and reads its answer with a size limit; distinguishes "never sent" from "perhaps received". */
import { ClientError, NotSentError, UnknownOutcomeError } from './errors.ts'

export interface Request {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

export interface SendOptions {
  readonly fetch: typeof fetch
  /** Aborts the request: by the caller, or when the time for the call and its retries is over. */
  readonly signal: AbortSignal
  /** Only for the error message, in milliseconds. */
  readonly timeoutMs: number
  /** 1 MiB by default. */
  readonly maxBytes?: number | undefined
}

/**
 * Does not follow redirects: a request signed for one address must not go to another.
 * @throws NotSentError (`NOT_CONNECTED`, `TLS_REFUSED`, `TIMED_OUT`, `ABORTED`) when nothing was sent
 * @throws UnknownOutcomeError (`CONNECTION_LOST`, `TIMED_OUT`, `ABORTED`, `ANSWER_TOO_LARGE`) when the other side may
 * have acted
 */
export async function send({ url, method, headers, body }: Request, options: SendOptions): Promise<Answered> {
  const { fetch, signal, timeoutMs, maxBytes = 1024 * 1024 } = options
  if (signal.aborted) {
    throw timedOut(signal)
      ? new NotSentError('TIMED_OUT', 'The time was over before anything was sent.', { cause: signal.reason })
      : new NotSentError('ABORTED', 'Aborted before anything was sent.', { cause: signal.reason })
  }
  try {
    const response = await fetch(url, { method, headers, ...(body ? { body } : {}), redirect: 'manual', signal })
    return { status: response.status, headers: response.headers, body: await readBounded(response, maxBytes) }
  } catch (error) {
    if (error instanceof ClientError) throw error
    const { host } = new URL(url)
    const before = beforeSending(error)
    if (before === 'connect')
      throw new NotSentError('NOT_CONNECTED', `The gateway ${host} cannot be reached.`, { cause: error })
    if (before === 'tls') throw new NotSentError('TLS_REFUSED', `${host} has no trusted certificate.`, { cause: error })
    throw interrupted(signal, timeoutMs, error)
  }
}

function interrupted(signal: AbortSignal, timeoutMs: number, cause: unknown): UnknownOutcomeError {
  if (!signal.aborted)
    return new UnknownOutcomeError('CONNECTION_LOST', 'The connection broke before the answer arrived.', { cause })
  return timedOut(signal)
    ? new UnknownOutcomeError('TIMED_OUT', `No answer within ${timeoutMs} ms.`, { cause })
    : new UnknownOutcomeError('ABORTED', 'Aborted after sending; the gateway may have acted.', { cause })
}

const timedOut = ({ reason }: AbortSignal): boolean => reason instanceof DOMException && reason.name === 'TimeoutError'

async function readBounded(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > maxBytes)
      throw new UnknownOutcomeError('ANSWER_TOO_LARGE', `The answer is larger than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A failed name lookup, connection or TLS handshake: the request itself was never sent. */
function beforeSending(error: unknown): 'connect' | 'tls' | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const causes: readonly unknown[] = cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors : [cause]
  if (causes.every(isConnecting)) return 'connect'
  return causes.every((each) => TLS_REFUSALS.test(property(each, 'code'))) ? 'tls' : undefined
}

// Established connections produce the same codes: only a failed connect proves that nothing was sent.
const isConnecting = (error: unknown): boolean =>
  ['connect', 'getaddrinfo'].includes(property(error, 'syscall')) ||
  property(error, 'code') === 'UND_ERR_CONNECT_TIMEOUT'

const TLS_REFUSALS = /^CERT_|SELF_SIGNED|UNABLE_TO_|^ERR_TLS_CERT/

const property = (error: unknown, name: 'code' | 'syscall'): string =>
  error instanceof Error && name in error ? String((error as NodeJS.ErrnoException)[name]) : ''
