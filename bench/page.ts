/** The storefront's first page on a phone: how much JavaScript it loads, and when its largest part is painted. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { launchOptions } from '../tests/browser/browser.ts'
import { type Harness, openHarness, PHONE } from '../tests/browser/harness.ts'
import { startSystem } from '../tests/harness/system.ts'
import { middle } from './middle.ts'
import type { Measured } from './shop.ts'

const DIST = join(import.meta.dirname, '../apps/web/dist')
const LOADS = 9
/** Chrome's own preset of a slow 4G phone: 1.6 Mbit/s, 150 ms round trip, a quarter of this machine's speed. */
const SLOW = {
  offline: false,
  latency: 150,
  downloadThroughput: (1.6 * 1024 * 1024) / 8,
  uploadThroughput: (750 * 1024) / 8,
}
const SLOWER_CPU = 4

/** The pages must have been built, and Chromium installed. */
export async function benchFirstPage(log: (line: string) => void): Promise<Measured[]> {
  const harness = await openHarness(startSystem(), chromium.launch(launchOptions()))
  try {
    const loads: { bytes: number; paint: number }[] = []
    for (let load = 0; load < LOADS; load += 1) loads.push(await loadOnce(harness))
    const paints = loads.map(({ paint }) => paint)
    const paint = middle(paints)
    const kilobytes = Math.max(...loads.map(({ bytes }) => bytes)) / 1000
    log(`first page: ${kilobytes.toFixed(1)} kB of JavaScript, painted after ${paints.map(Math.round).join(', ')} ms`)
    return [
      {
        name: "JavaScript of the storefront's first page, gzip",
        unit: 'kB',
        value: kilobytes,
        noise: 0,
        target: { max: 80 },
      },
      { name: 'its largest paint on a throttled phone', unit: 'ms', ...paint, target: { max: 1500 } },
    ]
  } finally {
    await harness.close()
  }
}

/** One visit with an empty cache. */
async function loadOnce(harness: Harness): Promise<{ bytes: number; paint: number }> {
  const visit = await harness.visit(PHONE)
  const { page, context } = visit
  let bytes = 0
  page.on('response', (response) => {
    if (response.request().resourceType() !== 'script') return
    bytes += statSync(join(DIST, `${new URL(response.url()).pathname}.gz`)).size
  })
  const tools = await context.newCDPSession(page)
  await tools.send('Network.enable')
  await tools.send('Network.emulateNetworkConditions', SLOW)
  await tools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER_CPU })
  await visit.open('/')
  await page.waitForLoadState('networkidle')
  const paint = await page.evaluate<number>(`new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime)).observe({
      type: 'largest-contentful-paint', buffered: true })
  })`)
  await visit.close()
  return { bytes, paint }
}
