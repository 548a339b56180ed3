/** A request whose error names the server and its address: `fetch failed` alone does not help. */

const LONGEST_MS = 60_000

/** @throws Error with the address that did not answer, and the reason */
export async function reach(who: string, address: string | URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(address, { ...init, signal: AbortSignal.timeout(LONGEST_MS) })
  } catch (error) {
    throw new Error(`${who} at ${address} did not answer: ${reasonOf(error)}`, { cause: error })
  }
}

/** The network error's message; a connection that fails at several addresses has only a code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `nothing within ${LONGEST_MS / 1000} s`
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message || ('code' in cause ? String(cause.code) : error.message)
}
