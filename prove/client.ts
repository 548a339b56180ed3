/** A client that behaves like a person with a browser: whatever fails temporarily is tried again. */
import type { Answer, ShopApi } from '../tests/harness/shop-api.ts'

/**
 * The process that holds an order's link may be killed several times in a row, and its lock lasts a while each time.
 */
const PATIENCE_MS = 180_000
/** How long a person watches a page that does not load, before pressing reload. */
const RELOAD_MS = 15_000

/** How often reload was pressed. */
export const reloads = { count: 0 }

/**
 * Repeats while the shop is away (503, 500, no connection); returns any other answer. @throws Error when patience ends
 */
export async function patiently<Body>(
  api: ShopApi,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Answer<Body & { code?: string }>> {
  const end = Date.now() + PATIENCE_MS
  let last = ''
  while (Date.now() < end) {
    try {
      const answer = await watched(api.call<Body & { code?: string }>(method, path, body, headers))
      if (answer.status < 500) return answer
      last = `${answer.status} ${answer.body.code}`
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    await pause(300)
  }
  throw new Error(`${method} ${path}: no answer within ${PATIENCE_MS / 1000} s, last ${last}`)
}

/** Like `patiently`, for anything that throws while the other side is away. */
export async function persist<Result>(
  work: () => Promise<Result>,
  giveUp: (message: string) => boolean = () => false,
): Promise<Result | undefined> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await watched(work())
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (giveUp(message)) return undefined
      if (Date.now() > end) throw error
      await pause(300)
    }
  }
}

/** The work's result, or an error after a person would have given up. The request may still take effect. */
async function watched<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_, failed) => {
    timer = setTimeout(() => {
      reloads.count += 1
      failed(new Error('the page did not load'))
    }, RELOAD_MS)
  })
  try {
    return await Promise.race([work, tooLong])
  } finally {
    clearTimeout(timer)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
