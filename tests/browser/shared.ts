/** Run by the test runner: starts the process shared by the browser tests before all files, and ends it after them. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The address that serves `/browser` and `/back-office`. */
    readonly sharedByBrowserTests: string
  }
}

export default async function share(project: TestProject): Promise<() => Promise<void>> {
  const execArgv = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const shared = fork(join(import.meta.dirname, 'shared-process.ts'), { execArgv })
  const [port] = await once(shared, 'message')
  project.provide('sharedByBrowserTests', `http://127.0.0.1:${port}`)
  return async () => {
    const ended = once(shared, 'exit')
    shared.disconnect()
    await ended
  }
}
