/** Many tabs of one browser wait for payments with one event stream, which another tab takes over when its tab closes. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { OLD_BROWSER } from './floor.ts'
import { DESKTOP, eventually, type Harness, openHarness, type Visit } from './harness.ts'

let harness: Harness
let visit: Visit
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
afterEach(async () => {
  await visit.close()
  expect(visit.problems).toEqual([])
})

interface Tab {
  readonly page: Page
  readonly orderNo: string
  readonly payUrl: string
}

/** Four orders, each on the pages of two tabs: more tabs than connections. */
const ORDERS = [
  [1, '39.00'],
  [2, '49.00'],
  [3, '50.00'],
  [6, '59.00'],
] as const

async function openTabs(script?: string): Promise<{ tabs: Tab[]; client: ShopApi }> {
  const buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  visit = await harness.visitAs(buyer, DESKTOP)
  if (script !== undefined) await visit.context.addInitScript({ content: script })
  const tabs: Tab[] = []
  for (const [course, price] of [...ORDERS, ...ORDERS]) {
    const first = tabs[tabs.length - ORDERS.length]
    const { orderNo, payUrl } = first ?? (await client.buy([course], price)).body
    const page = await visit.another()
    const tab = { page, orderNo, payUrl }
    await page.goto(`/orders/${orderNo}`)
    await eventually(() => statusOf(tab)).toBe('unpaid')
    tabs.push(tab)
  }
  return { tabs, client }
}

const statusOf = ({ page }: Tab) => page.getByTestId('order-status').getAttribute('data-status')

/** The number of open event streams in all processes of the shop. */
async function openStreams(): Promise<number> {
  const text = await harness.system.metrics()
  return [...text.matchAll(/^event_streams_open(?:\{[^}]*\})? (\d+)/gm)].reduce(
    (sum, [, open]) => sum + Number(open),
    0,
  )
}

/** Pays one order and sees both of its pages turn to paid. */
async function payAndSee(tabs: readonly Tab[], index: number): Promise<void> {
  const waiting = tabs.filter(({ orderNo, page }) => orderNo === tabs[index]?.orderNo && !page.isClosed())
  await harness.system.sandbox.pay(tabs[index]?.payUrl ?? '')
  for (const tab of waiting) await eventually(() => statusOf(tab)).toBe('paid')
}

/** The stream is held by the first tab. */
const requestsOf = (page: Page): string[] => {
  const seen: string[] = []
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/api/orders/events') seen.push(request.url())
  })
  return seen
}

test('eight tabs share one event stream; when its tab is closed, another tab takes it over', async () => {
  const { tabs } = await openTabs()
  await eventually(openStreams).toBe(1)
  await payAndSee(tabs, 1)

  const [leader, next] = tabs
  const opened = requestsOf(next?.page as Page)
  await leader?.page.close()
  const handedOn = next?.page.waitForRequest('**/api/orders/events?*').catch(() => undefined)
  if (opened.length === 0) await handedOn
  await eventually(openStreams).toBe(1)
  await payAndSee(tabs, 2)
  await payAndSee(tabs, 0)

  // The last order: when no tab waits any more, no stream is left.
  await payAndSee(tabs, 3)
  await eventually(openStreams).toBe(0)
})

test('a hidden tab holds no stream, and refreshes when it is shown again', async () => {
  const { tabs } = await openTabs()
  await eventually(openStreams).toBe(1)
  const show = (page: Page, hidden: boolean) =>
    page.evaluate(`{
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} })
      document.dispatchEvent(new Event('visibilitychange'))
    }`)
  await Promise.all(tabs.map(({ page }) => show(page, true)))
  await eventually(openStreams).toBe(0)
  await harness.system.sandbox.pay(tabs[3]?.payUrl ?? '')
  await show(tabs[3]?.page as Page, false)
  await eventually(() => statusOf(tabs[3] as Tab)).toBe('paid')
})

test('where tabs cannot share a stream, each page polls, and none hangs', async () => {
  const { tabs } = await openTabs(OLD_BROWSER)
  expect(await openStreams()).toBe(0)
  await payAndSee(tabs, 1)
  await tabs[0]?.page.close()
  await payAndSee(tabs, 2)
  await payAndSee(tabs, 0)
})
