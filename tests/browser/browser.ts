/** The browser that the tests use: the one that all files share, or one of one's own outside the test runner. */
import { type Browser, chromium, type Download, type LaunchOptions } from 'playwright-core'
import { inject } from 'vitest'

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']

export const launchOptions = (): LaunchOptions => ({
  executablePath: process.env['XUECHENG_BROWSER'] ?? '/usr/bin/chromium',
  args: ARGS,
})

/** Asks the shared things of `shared.ts` for one of them. */
export async function fetchShared<Body>(path: '/browser' | '/back-office'): Promise<Body> {
  // Its first answer waits for a start.
  const response = await fetch(inject('sharedByBrowserTests') + path)
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
  return (await response.json()) as Body
}

/** Closing it closes what was opened by it; the browser goes on for other files. */
export async function connectBrowser(): Promise<Browser> {
  const { endpoint } = await fetchShared<{ endpoint: string }>('/browser')
  return chromium.connect(endpoint)
}

/** What was downloaded. */
export async function contentOf(download: Download): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
