/**
 * What many ask for one by one is read together: whatever is asked for while a read is on its way goes out with the next
 * one. The busier the process, the fewer statements a question costs; every answer is read after it was asked for.
 */
import pg from 'pg'

/** More would make one statement slow for all who wait for it. */
const MOST = 100
/** Reads on their way at a time. */
const AT_ONCE = 2
/** A read that failed later than this failed for want of an answer, not for a question: asking again would double the wait. */
const REFUSED_WITHIN_MS = 1000

/** However slow it was: what one question says is what the database refused (SQLSTATE class 22). */
const isAboutData = (error: unknown): boolean => error instanceof pg.DatabaseError && /^22/.test(error.code ?? '')

interface Asked<Question, Answer> {
  readonly question: Question
  readonly done: (answer: Answer) => void
  readonly failed: (error: unknown) => void
}

/**
 * @param read answers in the order of the questions; where it fails for several, each is asked alone, so that a question
 *   that the database refuses is nobody else's failure. Where the database said nothing for long, all hear of it at
 *   once, those who wait for the next read too
 */
export function inBatches<Question, Answer>(
  read: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (question: Question) => Promise<Answer> {
  const waiting: Asked<Question, Answer>[] = []
  let underWay = 0
  let gathering = false

  const answer = async (batch: readonly Asked<Question, Answer>[]): Promise<void> => {
    const asked = performance.now()
    try {
      const answers = await read(batch.map(({ question }) => question))
      if (answers.length !== batch.length) throw new Error('As many answers as questions are needed')
      for (const [index, { done }] of batch.entries()) done(answers[index] as Answer)
    } catch (error) {
      const silent = performance.now() - asked > REFUSED_WITHIN_MS && !isAboutData(error)
      if (batch.length > 1 && !silent) await Promise.all(batch.map((each) => answer([each])))
      else for (const { failed } of silent ? [...batch, ...waiting.splice(0)] : batch) failed(error)
    }
  }

  const sendNext = (): void => {
    gathering = false
    while (waiting.length > 0 && underWay < AT_ONCE) {
      underWay += 1
      void answer(waiting.splice(0, MOST)).finally(() => {
        underWay -= 1
        sendNext()
      })
    }
  }

  return (question) =>
    new Promise((done, failed) => {
      waiting.push({ question, done, failed })
      if (gathering || underWay >= AT_ONCE) return
      // What has arrived with this one is to go out with it.
      gathering = true
      setImmediate(sendNext)
    })
}
