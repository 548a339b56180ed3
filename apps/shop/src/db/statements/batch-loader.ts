/**
 * Reads what many callers request one by one in batches: calls that arrive during a read go out with the next one. The
 * busier the process, the fewer statements per call; every answer is read after it was requested.
 */
import pg from 'pg'

/** A larger batch would make one statement slow for all its callers. */
const MAX_BATCH = 100
/** How many reads run at once. */
const MAX_READS = 2
/**
 * A read that fails later than this got no answer, and no question is at fault: asking one by one would double the
 * wait.
 */
const REFUSED_WITHIN_MS = 1000

/** However late: SQLSTATE class 22 means that the database refused a value. */
const isAboutData = (error: unknown): boolean => error instanceof pg.DatabaseError && /^22/.test(error.code ?? '')

interface Waiting<Question, Answer> {
  readonly question: Question
  readonly done: (answer: Answer) => void
  readonly failed: (error: unknown) => void
}

/**
 * @param read answers in the order of the questions. If it fails for several, each question is read alone, so that one
 *   refused question does not fail the others. If the database was silent for long, all callers fail at once, including
 *   those that wait for the next read
 */
export function batchLoader<Question, Answer>(
  read: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (question: Question) => Promise<Answer> {
  const waiting: Waiting<Question, Answer>[] = []
  let underWay = 0
  let gathering = false

  const answer = async (batch: readonly Waiting<Question, Answer>[]): Promise<void> => {
    const started = performance.now()
    try {
      const answers = await read(batch.map(({ question }) => question))
      if (answers.length !== batch.length) throw new Error('As many answers as questions are needed')
      for (const [index, { done }] of batch.entries()) done(answers[index] as Answer)
    } catch (error) {
      const silent = performance.now() - started > REFUSED_WITHIN_MS && !isAboutData(error)
      if (batch.length > 1 && !silent) await Promise.all(batch.map((each) => answer([each])))
      else for (const { failed } of silent ? [...batch, ...waiting.splice(0)] : batch) failed(error)
    }
  }

  const sendNext = (): void => {
    gathering = false
    while (waiting.length > 0 && underWay < MAX_READS) {
      underWay += 1
      void answer(waiting.splice(0, MAX_BATCH)).finally(() => {
        underWay -= 1
        sendNext()
      })
    }
  }

  return (question) =>
    new Promise((done, failed) => {
      waiting.push({ question, done, failed })
      if (gathering || underWay >= MAX_READS) return
      // Collect everything that arrives in this turn of the event loop.
      gathering = true
      setImmediate(sendNext)
    })
}
