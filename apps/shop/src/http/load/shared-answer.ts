/** Calls that come during the work, or until `freshMs` after it, get the same answer; an error is not kept. */
export function sharedAnswer<Answer>(work: () => Promise<Answer>, freshMs: number): () => Promise<Answer> {
  let current: Promise<Answer> | undefined
  const forget = () => {
    current = undefined
  }
  return () => {
    if (!current) {
      current = work()
      current.then(() => setTimeout(forget, freshMs).unref(), forget)
    }
    return current
  }
}
