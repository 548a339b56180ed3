/** Sends one signed request and takes its answer, bounded; tells "never sent" from "perhaps received". */
import { AlipayError, NotSentError, UnknownOutcomeError } from './errors.ts'
import { encodeForm } from './form.ts'

export interface Post {
  readonly gateway: string
  readonly fetch: typeof fetch
}

const MOST_ANSWER_BYTES = 1024 * 1024

/** What goes into the body; everything else stands in the address, for Alipay reads `charset` from there. */
const IN_BODY = ['biz_content', 'encrypt_type']

/** @throws NotSentError, UnknownOutcomeError */
export async function post(
  { gateway, fetch }: Post,
  parameters: ReadonlyMap<string, string>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<{ readonly body: Buffer; readonly contentType: string | null }> {
  if (signal.aborted) {
    throw timedOut(signal)
      ? new NotSentError('TIMED_OUT', 'The time was over before anything was sent.', { cause: signal.reason })
      : new NotSentError('ABORTED', 'Given up before anything was sent.', { cause: signal.reason })
  }
  const all = [...parameters]
  const address = encodeForm(new Map(all.filter(([name]) => !IN_BODY.includes(name))))
  const form = encodeForm(new Map(all.filter(([name]) => IN_BODY.includes(name))))
  try {
    const response = await fetch(`${gateway}?${address}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
      body: form,
      redirect: 'manual',
      signal,
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new UnknownOutcomeError('HTTP_STATUS', `The gateway answered HTTP ${response.status}.`)
    }
    return { body: await readBounded(response), contentType: response.headers.get('content-type') }
  } catch (error) {
    if (error instanceof AlipayError) throw error
    const { host } = new URL(gateway)
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
    : new UnknownOutcomeError('ABORTED', 'Given up after sending; Alipay may have acted.', { cause })
}

const timedOut = ({ reason }: AbortSignal): boolean => reason instanceof DOMException && reason.name === 'TimeoutError'

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
