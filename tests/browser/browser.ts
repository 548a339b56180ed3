/** The browser of the tests: shared by all files, or a separate one outside the test runner. */
import { type Browser, chromium, type Download, type LaunchOptions } from 'playwright-core'
import { inject } from 'vitest'

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']

export const launchOptions = (): LaunchOptions => ({
  executablePath: process.env['XUECHENG_BROWSER'] ?? '/usr/bin/chromium',
  args: ARGS,
})

/** Gets something shared from the process of `shared.ts`. */
export async function fetchShared<Body>(path: '/browser' | '/back-office'): Promise<Body> {
  // The first answer waits until it has started.
  const response = await fetch(inject('sharedByBrowserTests') + path)
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
  return (await response.json()) as Body
}

/** Closes everything opened through it; the browser keeps running for other files. */
export async function connectBrowser(): Promise<Browser> {
  const { endpoint } = await fetchShared<{ endpoint: string }>('/browser')
  return chromium.connect(endpoint)
}

/** The content of a downloaded file. */
export async function contentOf(download: Download): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
