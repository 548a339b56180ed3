/** What the checklists of both payment methods share: their context, and helpers that wait and describe. */
import type { Attempted, SandboxClient } from './client.ts'
import type { Recipe } from './recipe.ts'

export interface Checks {
  readonly url: string
  readonly sandbox: SandboxClient
  readonly recipe: Recipe
  report(name: string, expected: string, passed: boolean, saw: string): void
}

/** How long to wait for a notification to be sent, or for a shop to count an order as paid, in milliseconds. */
const SETTLING = 5_000

/** Whether the shop counts an order as paid within some seconds; undefined if the recipe cannot tell. */
export async function becomesPaid(
  { recipe }: Checks,
  trade: { readonly outTradeNo: string },
): Promise<boolean | undefined> {
  if (!recipe.isPaid) return undefined
  const { isPaid } = recipe
  return (await until(async () => ((await isPaid(trade.outTradeNo)) ? true : undefined))) ?? false
}

/** Polls until there is an answer; undefined after some seconds without one. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = performance.now() + SETTLING
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || performance.now() > end) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Describes what the shop did. */
export function seen(attempt: Attempted | undefined, paid?: boolean): string {
  const order = paid === undefined ? '' : paid ? '; the order is paid' : '; the order is not paid'
  if (!attempt) return `no notification was sent${order}`
  if (attempt.responseStatus === null) return `no answer from ${addressOf(attempt)}: ${attempt.error}${order}`
  return `answered ${attempt.responseStatus} ${JSON.stringify(attempt.responseBody.slice(0, 80))}${order}`
}

/** The address that an attempt was sent to. */
const addressOf = ({ requestHeaders }: Attempted): string =>
  /^POST (\S+)/.exec(requestHeaders)?.[1] ?? 'the notify address'

/**
 * The first notification of a checklist must reach the shop, whatever the shop answers.
 * @throws Error with the address that does not answer: then there is nothing to check
 */
export function requireAnswer(attempt: Attempted): void {
  if (attempt.responseStatus !== null) return
  throw new Error(`the notify address ${addressOf(attempt)} did not answer the sandbox: ${attempt.error}`)
}
