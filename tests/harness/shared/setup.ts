/** Run by the test runner before all files: starts the process that lends shops, and ends it after the last file. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The port at which a test file borrows a shop. */
    readonly sharedShops: number
  }
}

export default async function startLender(project: TestProject): Promise<() => Promise<void>> {
  const execArgv = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning']
  const lender = fork(join(import.meta.dirname, 'main.ts'), { execArgv })
  const [port] = await once(lender, 'message')
  project.provide('sharedShops', Number(port))
  return async () => {
    const ended = once(lender, 'exit')
    lender.disconnect()
    await ended
  }
}
