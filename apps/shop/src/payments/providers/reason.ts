/** Why there was no usable answer, in a few words: the system's error code, from below any wrapping errors. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  const status = /HTTP \d{3}/.exec(error.message)?.[0]
  if (status) return status
  const chain = causesOf(error)
  const codes = chain.flatMap((each) => ('code' in each && typeof each.code === 'string' ? [each.code] : []))
  if (codes.length > 0) return codes.at(-1) ?? ''
  return chain.some(({ name }) => name === 'TimeoutError') ? 'TIMED_OUT' : (chain.at(-1)?.message ?? error.name)
}

/** The causes, outermost first. */
const causesOf = (error: Error): Error[] => [error, ...(error.cause instanceof Error ? causesOf(error.cause) : [])]
