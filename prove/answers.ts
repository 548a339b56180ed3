/**
 * Records every request's answer and time, for a run in which some requests must fail, but only in one permitted way.
 */
import type { Answer, ShopApi } from '../tests/harness/shop-api.ts'

export interface Recorded {
  /** Milliseconds on `performance.now()`, when it was answered. */
  readonly at: number
  readonly took: number
  /** Method and path, without numbers. */
  readonly what: string
  /** 0 if no answer came. */
  readonly status: number
  /** A 503 in the shop's own format, with Retry-After. */
  readonly clear: boolean
  /** The content of any other error, for debugging. */
  readonly said: string
}

/** A client whose every call is recorded. */
export function recorded(api: ShopApi, record: Recorded[]): ShopApi {
  return new Proxy(api, {
    get(target, name) {
      if (name !== 'call') return Reflect.get(target, name)
      return async <Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
        const begun = performance.now()
        const note = (status: number, clear: boolean, said: string) => {
          const at = performance.now()
          record.push({ at, took: at - begun, what: `${method} ${shapeOf(path)}`, status, clear, said })
        }
        try {
          const answer: Answer<Body> = await target.call<Body>(method, path, body, headers)
          const problem = answer.headers.get('content-type')?.startsWith('application/problem+json') ?? false
          const clear = answer.status === 503 && problem && Number(answer.headers.get('retry-after')) > 0
          note(answer.status, clear, answer.status < 500 ? '' : `${answer.status} ${JSON.stringify(answer.body)}`)
          return answer
        } catch (error) {
          note(0, false, error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error))
          throw error
        }
      }
    },
  })
}

const shapeOf = (path: string): string =>
  path.replace(/\?.*/, '').replace(/\/(?=[^/]*\d)[^/]+/g, (part) => (part === '/v1' ? part : '/…'))

export interface Tally {
  readonly what: string
  readonly answered: number
  readonly refused: number
  /** No answer, or an error that is not a clear 503. */
  readonly wrong: number
  readonly slowestMs: number
}

/** Sums up the answers of a period, by kind of request. */
export function tally(record: readonly Recorded[], from: number, to: number): Tally[] {
  const within = record.filter(({ at }) => at >= from && at < to)
  return [...Map.groupBy(within, ({ what }) => what)]
    .map(([what, all]) => ({
      what,
      answered: all.filter(isAnswer).length,
      refused: all.filter(({ clear }) => clear).length,
      wrong: all.filter((each) => !isAnswer(each) && !each.clear).length,
      slowestMs: Math.round(Math.max(...all.map(({ took }) => took))),
    }))
    .sort((left, right) => left.what.localeCompare(right.what))
}

/** Describes every result that was neither an answer nor a clear refusal. */
export const mishaps = (record: readonly Recorded[]): string[] =>
  record.filter((each) => !isAnswer(each) && !each.clear).map(({ what, said }) => `${what}: ${said}`)

const isAnswer = ({ status }: Recorded): boolean => status > 0 && status < 500
