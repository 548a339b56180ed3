/** One POST to a shop: follows no redirects, with limits on time and answer size. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

export interface Answer {
  /** HTTP status; undefined without an answer. */
  readonly status: number | undefined
  readonly headers: string
  /** At most the first 64 kB. */
  readonly body: Buffer
  /** Why there is no (complete) answer; empty if there is one. */
  readonly error: string
}

export interface Poster {
  post(url: string, headers: Readonly<Record<string, string>>, body: Buffer): Promise<Answer>
  closed(): boolean
  /** Aborts running requests. */
  close(): void
}

const BODY_LIMIT = 64 * 1024

/** A poster with its own connections; `timeout` in milliseconds covers the whole exchange. */
export function createPoster(timeout: number): Poster {
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }
  const closing = new AbortController()

  function attempt(url: URL, headers: Readonly<Record<string, string>>, body: Buffer, retry: boolean): Promise<Answer> {
    return new Promise((resolve) => {
      const secure = url.protocol === 'https:'
      const send = secure ? httpsRequest : httpRequest
      const request = send(url, {
        method: 'POST',
        headers: { ...headers, 'content-length': body.length },
        agent: secure ? agents.https : agents.http,
      })
      const deadline = setTimeout(() => request.destroy(new Error(`no answer within ${timeout / 1000} s`)), timeout)
      const stop = () => request.destroy(new Error('the sandbox stopped'))
      closing.signal.addEventListener('abort', stop, { once: true })
      const finish = (answer: Answer) => {
        clearTimeout(deadline)
        closing.signal.removeEventListener('abort', stop)
        resolve(answer)
      }
      request.on('response', (response) => read(response).then(finish))
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The other side closed an idle connection just as it was reused: nothing was handled, so send it again.
        const stale = request.reusedSocket && error.code === 'ECONNRESET' && retry
        if (!stale) return finish(failed(error))
        clearTimeout(deadline)
        closing.signal.removeEventListener('abort', stop)
        attempt(url, headers, body, false).then(resolve)
      })
      request.end(body)
    })
  }

  return {
    post(url, headers, body) {
      const target = URL.canParse(url) ? new URL(url) : undefined
      if (!target || !/^https?:$/.test(target.protocol)) {
        return Promise.resolve(failed(new Error('the notify address is not an http(s) address')))
      }
      if (closing.signal.aborted) return Promise.resolve(failed(new Error('the sandbox stopped')))
      return attempt(target, headers, body, true)
    },
    closed: () => closing.signal.aborted,
    close() {
      closing.abort()
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

function failed(error: Error): Answer {
  return { status: undefined, headers: '', body: Buffer.alloc(0), error: error.message || error.name }
}

function read(response: IncomingMessage): Promise<Answer> {
  const headers = response.rawHeaders
    .flatMap((name, index, all) => (index % 2 === 0 ? [`${name}: ${all[index + 1] ?? ''}`] : []))
    .join('\r\n')
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (error: string) =>
      resolve({ status: response.statusCode, headers, body: Buffer.concat(chunks).subarray(0, BODY_LIMIT), error })
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size <= BODY_LIMIT) return
      finish(`the answer is longer than ${BODY_LIMIT} bytes`)
      response.destroy()
    })
    response.on('end', () => finish(''))
    response.on('error', (error) => finish(error.message))
    response.on('close', () => finish('the answer broke off'))
  })
}
