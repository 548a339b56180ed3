/** The content policy allows no inline style or script: no page needs one, including the API's, and a page that has one is reported. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DESKTOP, eventually, type Harness, openHarness, settled } from './harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

test('the API documentation page works under the content policy', async () => {
  const visit = await harness.visit(DESKTOP)
  try {
    const { page } = visit
    await visit.open('/api/docs')
    const first = page.locator('.opblock').first()
    await first.waitFor()
    // Set with scripts: Playwright would wait for the address that the page itself adds to the history.
    await first.locator('button').first().dispatchEvent('click')
    await page.locator('.opblock.is-open .try-out__btn').first().waitFor()
    expect(await page.locator('.topbar').count()).toBe(0)
    expect(visit.problems).toEqual([])
  } finally {
    await visit.close()
  }
})

test('the skeleton of a course page needs no inline style', async () => {
  const visit = await harness.visit(DESKTOP)
  try {
    const { page } = visit
    const held = Promise.withResolvers<void>()
    await page.route('**/api/courses/3', async (route) => {
      await held.promise
      await route.continue()
    })
    await visit.open('/courses/3')
    const title = page.locator('.skeleton .title')
    await title.waitFor()
    expect((await title.boundingBox())?.height).toBe(44)
    held.resolve()
    await settled(page)
    expect(visit.problems).toEqual([])
  } finally {
    await visit.close()
  }
})

test('an injected inline style has no effect, and every browser test would report it', async () => {
  const visit = await harness.visit(DESKTOP)
  try {
    const { page } = visit
    await visit.open('/login')
    await settled(page)
    expect(visit.problems).toEqual([])
    const opacity = await page.evaluate<string>(`
      document.body.insertAdjacentHTML('beforeend', '<p id="slipped" style="opacity: 0.5">slipped in</p>')
      getComputedStyle(document.getElementById('slipped')).opacity`)
    expect(opacity).toBe('1')
    await eventually(() => visit.problems.join()).toContain('Content Security Policy')
  } finally {
    await visit.close()
  }
})
