/** What the checklists of both methods share: what they drive, and how they wait and see. */
import type { Attempted, SandboxClient } from './client.ts'
import type { Recipe } from './recipe.ts'

export interface Checks {
  readonly url: string
  readonly sandbox: SandboxClient
  readonly recipe: Recipe
  judge(name: string, expected: string, passed: boolean, saw: string): void
}

/** How long to wait for a notification to be sent, or for a shop to count an order as paid, in milliseconds. */
const SETTLING = 5_000

/** Whether the shop comes to count an order as paid; undefined where nobody can be asked. */
export async function becomesPaid(
  { recipe }: Checks,
  trade: { readonly outTradeNo: string },
): Promise<boolean | undefined> {
  if (!recipe.isPaid) return undefined
  const { isPaid } = recipe
  return (await until(async () => ((await isPaid(trade.outTradeNo)) ? true : undefined))) ?? false
}

/** Asks again until there is an answer; undefined after some seconds without one. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = performance.now() + SETTLING
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || performance.now() > end) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** What the shop did, in words. */
export function seen(attempt: Attempted | undefined, paid?: boolean): string {
  const order = paid === undefined ? '' : paid ? '; the order is paid' : '; the order is not paid'
  if (!attempt) return `no notification was sent${order}`
  if (attempt.responseStatus === null) return `no answer: ${attempt.error}${order}`
  return `answered ${attempt.responseStatus} ${JSON.stringify(attempt.responseBody.slice(0, 80))}${order}`
}
