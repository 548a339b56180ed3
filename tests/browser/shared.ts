/**
 * What the browser tests share: one Chromium, and one shop whose back office has something on every page, for tests that only
 * look. Each is started when a test file first asks for it. For the runner, which calls it before all files.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type BrowserServer, chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'
import type { System } from '../harness/system.ts'
import type { BackOffice } from './back-office.ts'
import { launchOptions } from './browser.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test file asks for `/browser` and `/back-office`. */
    readonly sharedByBrowserTests: string
  }
}

async function startBackOffice(): Promise<{ system: System; world: BackOffice }> {
  const [{ startSystem }, { fillBackOffice }] = await Promise.all([
    import('../harness/system.ts'),
    import('./back-office.ts'),
  ])
  const system = await startSystem()
  return { system, world: await fillBackOffice(system) }
}

/** @returns how to stop what was started */
export default async function share(project: TestProject): Promise<() => Promise<void>> {
  let browser: Promise<BrowserServer> | undefined
  let backOffice: ReturnType<typeof startBackOffice> | undefined
  const answer = async (path: string | undefined): Promise<object> => {
    if (path === '/browser') {
      browser ??= chromium.launchServer(launchOptions())
      return { endpoint: (await browser).wsEndpoint() }
    }
    backOffice ??= startBackOffice()
    const { system, world } = await backOffice
    const { shopUrl, sandboxUrl, metricsUrl, dataDir } = system
    return { place: { shopUrl, sandboxUrl, metricsUrl, dataDir }, world }
  }
  const server = createServer((request, response) => {
    answer(request.url).then(
      (body) => response.end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('no port')
  project.provide('sharedByBrowserTests', `http://127.0.0.1:${address.port}`)
  return async () => {
    server.close()
    await Promise.allSettled([browser?.then((each) => each.close()), backOffice?.then(({ system }) => system.stop())])
  }
}
