/** A running shop, a browser, and visits that record every problem. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import { type RunningSystem, startSystem } from '../harness/system.ts'
import { connectBrowser } from './browser.ts'

const PAGES = join(import.meta.dirname, '../../apps/web/dist/index.html')
const WAIT_MS = 30_000

export interface Manner {
  readonly width: number
  readonly language: 'zh-CN' | 'en'
  readonly scheme?: 'light' | 'dark'
  /** The user agent, if it differs from the real one. */
  readonly userAgent?: string
  /** A phone: touch instead of a mouse, and a page as wide as the screen. */
  readonly touch?: boolean
}

export const DESKTOP: Manner = { width: 1280, language: 'zh-CN', scheme: 'light' }
export const PHONE: Manner = { width: 390, language: 'en', scheme: 'dark' }

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** Console errors, exceptions and 5xx answers; empty if all went well. */
  readonly problems: string[]
  /** Opens a path of the shop. */
  open(path: string): Promise<void>
  /** Another page of the same visitor. */
  another(): Promise<Page>
  close(): Promise<void>
}

export interface Buyer {
  readonly username: string
  readonly password: string
}

export interface Harness {
  readonly system: RunningSystem
  visit(manner: Manner): Promise<Visit>
  /** A visit that is logged in already. */
  visitAs(buyer: Buyer, manner: Manner): Promise<Visit>
  newBuyer(): Promise<Buyer>
  close(): Promise<void>
}

/** @param starting the shop; by default one of the file's own */
export async function openHarness(
  starting: Promise<RunningSystem> = startSystem(),
  opening: Promise<Browser> = connectBrowser(),
): Promise<Harness> {
  if (!existsSync(PAGES)) throw new Error('The pages are not built: run `npm run build` first.')
  const [system, browser] = await Promise.all([starting, opening])

  const harness: Harness = {
    system,
    visit: (manner) => begin(browser, system.shopUrl, manner),
    async visitAs({ username, password }, manner) {
      const visit = await harness.visit(manner)
      const answer = await visit.context.request.post(`${system.shopUrl}/api/session`, { data: { username, password } })
      if (!answer.ok()) throw new Error(`login: ${answer.status()} ${await answer.text()}`)
      // Set by the login page, so that the first page already asks who is logged in.
      await visit.context.addInitScript({
        content: `if (location.protocol.startsWith('http')) localStorage.setItem('xuecheng.session', '1')`,
      })
      return visit
    },
    async newBuyer() {
      const username = `reader.${randomUUID().slice(0, 8)}`
      await system.client().register(username)
      return { username, password: 'a long password' }
    },
    async close() {
      await browser.close()
      await system.stop()
    },
  }
  return harness
}

async function begin(browser: Browser, shopUrl: string, manner: Manner): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: manner.width, height: manner.width < 500 ? 844 : 900 },
    locale: manner.language,
    colorScheme: manner.scheme ?? 'light',
    reducedMotion: 'reduce',
    baseURL: shopUrl,
    ...(manner.userAgent !== undefined && { userAgent: manner.userAgent }),
    ...(manner.touch && { hasTouch: true, isMobile: true }),
  })
  context.setDefaultTimeout(WAIT_MS)
  await context.addInitScript({ content: MEASURE_SHIFT })
  const problems: string[] = []
  const another = async () => {
    const page = await context.newPage()
    page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() !== 'error' || !page.url().startsWith(shopUrl)) return
      const about = `${message.text()} ${message.location().url}`
      // Where a page needs a login, the session is queried once; Chromium prints that expected 401 as an error.
      // An unknown address is a 404 as well.
      if (/ 404 /.test(about) && message.location().url === page.url()) return
      if (/401 .*\/api\/(admin\/)?me$/.test(about)) return
      problems.push(`${page.url()}: ${about}`)
    })
    page.on('response', (response) => {
      if (response.status() >= 500) problems.push(`${response.status()} ${response.url()}`)
    })
    return page
  }
  const page = await another()
  return {
    page,
    context,
    problems,
    another,
    open: async (path) => {
      await page.goto(path)
    },
    close: () => context.close(),
  }
}

/** Run in the page: adds up the layout shift without user input. */
const MEASURE_SHIFT = `
  window.jumped = 0
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.jumped += value
  }).observe({ type: 'layout-shift', buffered: true })`

/** Polls an expectation with time enough for a busy machine. */
export const eventually = <Seen>(look: () => Promise<Seen> | Seen) => expect.poll(look, { timeout: WAIT_MS })

/** Cumulative layout shift while the page loaded; 0 is none. */
export const jumped = (page: Page): Promise<number> => page.evaluate<number>('window.jumped')

/** Waits until the page shows no placeholder any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.locator('.bone, [aria-busy="true"]').first().waitFor({ state: 'detached' })
}

/** Logs in on the open login page. */
export async function logIn(page: Page, { username, password }: Buyer): Promise<void> {
  await page.getByTestId('login-username').fill(username)
  await page.getByTestId('login-password').fill(password)
  await page.getByTestId('login-submit').click()
}

/** Pays at the sandbox's cashier as its demo buyer, and returns to the shop. */
export async function payAtCashier(page: Page, sandboxUrl: string): Promise<void> {
  await page.waitForURL((url) => url.origin === new URL(sandboxUrl).origin)
  await page.locator('input[name=login]').fill('buyer@sandbox.example')
  await page.locator('input[name=password]').fill('111111')
  await page.getByTestId('cashier-login').click()
  await page.locator('input[name=paymentPassword]').fill('111111')
  await page.getByTestId('cashier-pay').click()
  await page.getByTestId('cashier-return').click()
  await page.waitForURL('**/pay/success?**')
}
