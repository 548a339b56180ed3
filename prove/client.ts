/** A client that behaves like a browser with a person before it: what fails for the moment is tried again. */
import type { Answer, ShopApi } from '../tests/harness/shop-api.ts'

const PATIENCE_MS = 90_000

/** Repeats while the shop is away (503, 500, no connection); everything else is the answer. @throws Error when patience ends */
export async function patiently<Body>(
  api: ShopApi,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Answer<Body & { code?: string }>> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = await api
      .call<Body & { code?: string }>(method, path, body, headers)
      .catch((error: unknown) => error)
    if (!(answer instanceof Error) && isAnswer<Body & { code?: string }>(answer) && answer.status < 500) return answer
    if (Date.now() > end) throw new Error(`${method} ${path}: no answer within ${PATIENCE_MS / 1000} s`)
    await pause(300)
  }
}

const isAnswer = <Body>(value: unknown): value is Answer<Body> =>
  typeof value === 'object' && value !== null && 'status' in value

/** As `patiently`, for anything that throws while the other side is away. */
export async function persist<Result>(
  work: () => Promise<Result>,
  giveUp: (message: string) => boolean,
): Promise<Result | undefined> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (giveUp(message)) return undefined
      if (Date.now() > end) throw error
      await pause(300)
    }
  }
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
