/**
 * Password strength: no composition rules, but no password that a guesser tries first. `@zxcvbn-ts` estimates the
 * guesses in a worker thread: its dictionaries take a second to load and some forty megabytes, and a check takes
 * milliseconds.
 */
import { Worker } from 'node:worker_threads'
import { ShopError } from '../../errors.ts'

/** Longer passwords are checked by their beginning: the cost grows with the length, and the rest only adds strength. */
const CHECKED_LENGTH = 20
/** The thread and its dictionaries are released after this long without a check. */
const IDLE_MS = 5 * 60_000

/** @throws ShopError WEAK_PASSWORD if it is guessed soon, or made of the account's own names */
export async function requireStrong(password: string, names: readonly string[]): Promise<void> {
  if (!(await isStrong(password.slice(0, CHECKED_LENGTH), names))) throw new ShopError('WEAK_PASSWORD')
}

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, { answer: (strong: boolean) => void; fail: (error: Error) => void }>
  asked: number
  idle?: NodeJS.Timeout
}

let thread: Thread | undefined

function isStrong(password: string, names: readonly string[]): Promise<boolean> {
  thread ??= startThread()
  const to = thread
  clearTimeout(to.idle)
  to.idle = setTimeout(() => stop(to), IDLE_MS).unref()
  to.asked += 1
  const id = to.asked
  to.worker.ref()
  return new Promise((answer, fail) => {
    to.waiting.set(id, { answer, fail })
    to.worker.postMessage({ id, password, names })
  })
}

function startThread(): Thread {
  const worker = new Worker(new URL('./strength-thread.ts', import.meta.url))
  const started: Thread = { worker, waiting: new Map(), asked: 0 }
  worker.on('message', ({ id, strong }: { id: number; strong: boolean }) => {
    started.waiting.get(id)?.answer(strong)
    started.waiting.delete(id)
    // Let the process end if only this thread is left.
    if (started.waiting.size === 0) worker.unref()
  })
  worker.on('error', (error: Error) => stop(started, error))
  return started
}

function stop(ended: Thread, error = new Error('the thread that checks passwords has ended')): void {
  if (thread === ended) thread = undefined
  for (const { fail } of ended.waiting.values()) fail(error)
  ended.waiting.clear()
  void ended.worker.terminate()
}
