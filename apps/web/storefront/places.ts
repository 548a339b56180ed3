/** The reader's places on their way to the server: one at a time, since two at once may arrive in either order. */
export interface Places {
  /** The lesson of that course that was put last and has not arrived yet. */
  readonly underway: (courseId: number) => number | undefined
  /** Sends the place once nothing else is on its way. One that is put meanwhile for the same course takes its turn. */
  readonly put: (courseId: number, lessonId: number) => Promise<void>
  /** Sends at once what still waits: the page is being left, and there is no later. */
  readonly hurry: () => void
}

/** @param send sends one place; it settles with the answer, and says itself what a failure means */
export function sendsPlaces(send: (courseId: number, lessonId: number) => Promise<void>): Places {
  const waiting = new Map<number, number>()
  let sent: { readonly courseId: number; readonly lessonId: number } | undefined
  return {
    underway: (courseId) => waiting.get(courseId) ?? (sent?.courseId === courseId ? sent.lessonId : undefined),
    async put(course, lesson) {
      waiting.set(course, lesson)
      if (sent) return
      try {
        // What is put meanwhile comes up in this very loop.
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
