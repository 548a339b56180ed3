/** Sends the reader's places to the server one at a time, because concurrent requests may arrive in either order. */
export interface Places {
  /** The last place of that course that is queued or being sent. */
  readonly underway: (courseId: number) => number | undefined
  /** Sends the place after the current request. A later place of the same course replaces a queued one. */
  readonly put: (courseId: number, lessonId: number) => Promise<void>
  /** Sends everything queued at once, because the page is being left. */
  readonly hurry: () => void
}

/** @param send sends one place; it must handle failures itself */
export function sendsPlaces(send: (courseId: number, lessonId: number) => Promise<void>): Places {
  const waiting = new Map<number, number>()
  let sent: { readonly courseId: number; readonly lessonId: number } | undefined
  return {
    underway: (courseId) => waiting.get(courseId) ?? (sent?.courseId === courseId ? sent.lessonId : undefined),
    async put(course, lesson) {
      waiting.set(course, lesson)
      if (sent) return
      try {
        // The loop also visits places that are added while it runs.
        for (const [courseId, lessonId] of waiting) {
          waiting.delete(courseId)
          sent = { courseId, lessonId }
          await send(courseId, lessonId)
        }
      } finally {
        sent = undefined
      }
    },
    hurry() {
      for (const [courseId, lessonId] of waiting) void send(courseId, lessonId)
      waiting.clear()
    },
  }
}
