/** Screenshots of the pages taken during the tests, only with `npm run screenshots`. */
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Manner } from './harness.ts'

const FOLDER = process.env['XUECHENG_SCREENSHOTS']

/** Takes the whole page, or only the window if a dialog is open. */
export async function shoot(page: Page, part: 'shop' | 'back-office', name: string, manner: Manner): Promise<void> {
  if (!FOLDER) return
  const file = `${name.replace(/\W+/g, '-')}.png`
  const fullPage = (await page.locator('dialog[open]').count()) === 0
  await page.screenshot({ path: join(FOLDER, part, `${manner.width}-${manner.language}`, file), fullPage })
}
