/** Why nothing usable came back, in the fewest words: the system's own code, below whatever was wrapped around it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  const status = /HTTP \d{3}/.exec(error.message)?.[0]
  if (status) return status
  const chain = causesOf(error)
  const codes = chain.flatMap((each) => ('code' in each && typeof each.code === 'string' ? [each.code] : []))
  if (codes.length > 0) return codes.at(-1) ?? ''
  return chain.some(({ name }) => name === 'TimeoutError') ? 'TIMED_OUT' : (chain.at(-1)?.message ?? error.name)
}

/** From the outermost on. */
const causesOf = (error: Error): Error[] => [error, ...(error.cause instanceof Error ? causesOf(error.cause) : [])]
