/** Sends one request and takes its answer, bounded; tells "never sent" from "perhaps received". */
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
  /** Ends it: the caller's will, or the time that a call with all its repeats has. */
  readonly signal: AbortSignal
  /** For the message only, in milliseconds. */
  readonly timeoutMs: number
  /** 1 MiB if not said. */
  readonly mostBytes?: number | undefined
}

/**
 * Follows no redirect: what was signed for one address is nobody else's.
 * @throws NotSentError (`NOT_CONNECTED`, `TLS_REFUSED`, `TIMED_OUT`, `ABORTED`) when nothing left
 * @throws UnknownOutcomeError (`CONNECTION_LOST`, `TIMED_OUT`, `ABORTED`, `ANSWER_TOO_LARGE`) when the other side may have acted
 */
export async function send({ url, method, headers, body }: Request, options: SendOptions): Promise<Answered> {
  const { fetch, signal, timeoutMs, mostBytes = 1024 * 1024 } = options
  if (signal.aborted) {
    throw timedOut(signal)
      ? new NotSentError('TIMED_OUT', 'The time was over before anything was sent.', { cause: signal.reason })
      : new NotSentError('ABORTED', 'Given up before anything was sent.', { cause: signal.reason })
  }
  try {
    const response = await fetch(url, { method, headers, ...(body ? { body } : {}), redirect: 'manual', signal })
    return { status: response.status, headers: response.headers, body: await readBounded(response, mostBytes) }
  } catch (error) {
    if (error instanceof ClientError) throw error
    const { host } = new URL(url)
    const before = beforeSending(error)
    if (before === 'connect')
      throw new NotSentError('NOT_CONNECTED', `The gateway ${host} cannot be reached.`, { cause: error })
    if (before === 'tls')
      throw new NotSentError('TLS_REFUSED', `${host} has no certificate that is trusted.`, { cause: error })
    throw interrupted(signal, timeoutMs, error)
  }
}

function interrupted(signal: AbortSignal, timeoutMs: number, cause: unknown): UnknownOutcomeError {
  if (!signal.aborted)
    return new UnknownOutcomeError('CONNECTION_LOST', 'The connection broke before the answer was here.', { cause })
  return timedOut(signal)
    ? new UnknownOutcomeError('TIMED_OUT', `No answer within ${timeoutMs} ms.`, { cause })
    : new UnknownOutcomeError('ABORTED', 'Given up after sending; the gateway may have acted.', { cause })
}

const timedOut = ({ reason }: AbortSignal): boolean => reason instanceof DOMException && reason.name === 'TimeoutError'

async function readBounded(response: Response, mostBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > mostBytes)
      throw new UnknownOutcomeError('ANSWER_TOO_LARGE', `The answer is larger than ${mostBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A failure to look the name up, to connect, or to trust the other side: the request itself never left. */
function beforeSending(error: unknown): 'connect' | 'tls' | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const causes: readonly unknown[] = cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors : [cause]
  if (causes.every(isConnecting)) return 'connect'
  return causes.every((each) => TLS_REFUSALS.test(property(each, 'code'))) ? 'tls' : undefined
}

// The same codes also come from established connections: only those of connecting say that nothing was sent.
const isConnecting = (error: unknown): boolean =>
  ['connect', 'getaddrinfo'].includes(property(error, 'syscall')) ||
  property(error, 'code') === 'UND_ERR_CONNECT_TIMEOUT'

const TLS_REFUSALS = /^CERT_|SELF_SIGNED|UNABLE_TO_|^ERR_TLS_CERT/

const property = (error: unknown, name: 'code' | 'syscall'): string =>
  error instanceof Error && name in error ? String((error as NodeJS.ErrnoException)[name]) : ''
