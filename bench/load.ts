/** The load generator: a number of connections, each sending its next request when the last one is answered. */
import { Pool } from 'undici'

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Load {
  /** Answers with the wanted status, per second. */
  readonly perSecond: number
  /** Of all answers, in milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly wrong: readonly string[]
}

/**
 * Sends every request once, as fast as the connections allow.
 * @param wanted the expected status; all other answers are kept in `wrong`
 */
export async function drive(
  origin: string,
  requests: readonly Request[],
  { connections, wanted }: { connections: number; wanted: number },
): Promise<Load> {
  const pool = new Pool(origin, { connections, pipelining: 1 })
  const times: number[] = []
  const wrong: string[] = []
  let next = 0
  const started = performance.now()
  const work = async () => {
    for (let index = next++; index < requests.length; index = next++) {
      const request = requests[index]
      if (!request) return
      const sent = performance.now()
      const { method, path, headers, body } = request
      const answer = await pool.request({ method, path, headers: headers ?? {}, body: body ?? null })
      const text = await answer.body.text()
      times.push(performance.now() - sent)
      if (answer.statusCode !== wanted) wrong.push(`${answer.statusCode} ${text.slice(0, 200)}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  const seconds = (performance.now() - started) / 1000
  await pool.close()
  times.sort((left, right) => left - right)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  return { perSecond: (requests.length - wrong.length) / seconds, p50: at(0.5), p99: at(0.99), wrong }
}

/** The same request, `count` times. */
export const repeat = (request: Request, count: number): Request[] => Array.from({ length: count }, () => request)
