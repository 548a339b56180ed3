/**
 * Shared by the browser tests: one Chromium, and one shop whose back office has something on every page, for tests that change
 * nothing. Each is started when a test file first needs it. A separate process, since the runner's process starts no shop.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type BrowserServer, chromium } from 'playwright-core'
import { type System, startSystem } from '../harness/system.ts'
import { type BackOffice, fillBackOffice } from './back-office.ts'
import { launchOptions } from './browser.ts'

async function startBackOffice(): Promise<{ system: System; world: BackOffice }> {
  const system = await startSystem()
  return { system, world: await fillBackOffice(system) }
}

let browser: Promise<BrowserServer> | undefined
let backOffice: ReturnType<typeof startBackOffice> | undefined

async function answer(path: string | undefined): Promise<object> {
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
process.send?.(address && typeof address === 'object' ? address.port : 0)
await once(process, 'disconnect')
await Promise.allSettled([browser?.then((each) => each.close()), backOffice?.then(({ system }) => system.stop())])
process.exit()
