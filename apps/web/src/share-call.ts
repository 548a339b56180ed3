/** Wraps a request: callers that come while it is under way get the same answer. */
export function shareCall<Result>(request: () => Promise<Result>): () => Promise<Result> {
  let pending: Promise<Result> | undefined
  return () => {
    pending ??= request().finally(() => {
      pending = undefined
    })
    return pending
  }
}
