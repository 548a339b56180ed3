/** Opens pages of the back office by their address, at two widths, in both languages, light and dark: each has its heading, fits, and has no problems. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { type BackOffice, OWNER, sharedBackOffice } from './back-office.ts'
import { eventually, type Harness, type Manner, openHarness, settled, type Visit } from './harness.ts'
import { shoot } from './screenshots.ts'

export interface BackOfficePage {
  readonly name: string
  readonly path: (world: BackOffice) => string
  /** The heading, or a part of it. */
  readonly heading: readonly [string, string]
  /** An element that must be visible as well. */
  readonly shows?: string
}

/** The visit of one manner, opened before its first test. */
export interface Looking {
  readonly harness: Harness
  readonly world: BackOffice
  /** A visit of the owner. */
  readonly visit: Visit
  readonly manner: Manner
}

const MANNERS: readonly (readonly [string, Manner])[] = [
  ['1280 pixels, Chinese, light', { width: 1280, language: 'zh-CN', scheme: 'light' }],
  ['1280 pixels, English, dark', { width: 1280, language: 'en', scheme: 'dark' }],
  ['390 pixels, Chinese, light', { width: 390, language: 'zh-CN', scheme: 'light' }],
  ['390 pixels, English, dark', { width: 390, language: 'en', scheme: 'dark' }],
]

/** Describes the tests of the pages, and those that `more` adds for each manner. */
export function describePages(pages: readonly BackOfficePage[], more?: (looking: () => Looking) => void): void {
  let harness: Harness
  let world: BackOffice
  beforeAll(async () => {
    const shared = await sharedBackOffice()
    world = shared.world
    harness = await openHarness(Promise.resolve(shared.system))
  })
  afterAll(() => harness?.close())

  describe.each(MANNERS)('%s', (_, manner) => {
    let visit: Visit
    beforeAll(async () => {
      visit = await harness.visitAs(OWNER, manner)
    })
    afterAll(() => visit?.close())

    const inspect = async ({ name, path, heading, shows }: BackOfficePage) => {
      const { page } = visit
      await visit.open(path(world))
      await settled(page)
      if (shows) await page.locator(shows).first().waitFor()
      const words = heading[manner.language === 'en' ? 1 : 0]
      await eventually(() => page.locator('h1').innerText()).toContain(words)
      expect(await page.locator('html').getAttribute('lang')).toBe(manner.language)
      expect(await page.locator('h1').count()).toBe(1)
      expect(await page.locator('.button.primary').count(), `${name}: one primary action at most`).toBeLessThanOrEqual(
        1,
      )
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      expect(await violations(page)).toEqual([])
      await shoot(page, 'back-office', name, manner)
      // A missing page is an expected 404, which Chromium prints as an error.
      const unexpected = visit.problems.splice(0).filter((problem) => !problem.includes('404 (Not Found)'))
      expect(unexpected).toEqual([])
    }

    test.each(pages.map((page) => [page.name, page] as const))('%s', (_name, page) => inspect(page))
    more?.(() => ({ harness, world, visit, manner }))
  })
}
