/** Names of people are never broken over two lines in the back office, and its charts use the page's font. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BackOffice, fillBackOffice, OWNER } from './back-office.ts'
import { DESKTOP, type Harness, openHarness, settled, type Visit } from './harness.ts'
import { shoot } from './screenshots.ts'

let harness: Harness
let world: BackOffice
const BUYER = 'Xiaoming.Ouyang-Zhang'

beforeAll(async () => {
  harness = await openHarness()
  world = await fillBackOffice(harness.system)
  await harness.system.sql("update users set display_name = $1 where role = 'buyer' and display_name <> 'Learner'", [
    BUYER,
  ])
  await harness.system.sql("update users set display_name = '欧阳晓明（管理员）' where username = $1", [OWNER.username])
  const owner = harness.system.client()
  await owner.login(OWNER.username, OWNER.password)
  const { body } = await owner.call<{ items: unknown[] }>('GET', '/api/admin/audit')
  expect(body.items.length).toBeGreaterThan(0)
})
afterAll(() => harness?.close())

const PAGES = (): readonly string[] => [
  '/admin/orders',
  `/admin/orders/${world.partly}`,
  '/admin/refunds',
  '/admin/buyers',
  `/admin/buyers/${world.buyer}`,
  '/admin/staff',
  `/admin/staff/${world.member}`,
  '/admin/audit',
  '/admin/unmatched-payments',
  '/admin/profile',
]

/** Names that are broken over two lines, with their element. */
const BROKEN = `((names) => {
  const broken = new Set()
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.parentElement.getClientRects().length || node.parentElement.closest('.unseen, .skip, p')) continue
    for (const name of names) {
      const at = node.data.indexOf(name)
      if (at < 0) continue
      const range = document.createRange()
      range.setStart(node, at)
      range.setEnd(node, at + name.length)
      const lines = new Set([...range.getClientRects()].map((rect) => Math.round(rect.top)))
      if (lines.size > 1) broken.add(name + ' in <' + node.parentElement.tagName.toLowerCase() + ' ' + node.parentElement.className + '> of ' + (node.parentElement.closest('section, td, dl, ol, ul, header')?.className ?? ''))
    }
  }
  return [...broken]
})`

describe.each(['zh-CN', 'en'] as const)('%s', (language) => {
  let visit: Visit
  beforeAll(async () => {
    visit = await harness.visitAs(OWNER, { ...DESKTOP, language })
  })
  afterAll(() => visit?.close())

  test('no name is broken over two lines, at any width', async () => {
    const { page } = visit
    const users = await harness.system.sql<{ username: string; display_name: string }>(
      "select username, display_name from users where display_name <> 'Learner'",
    )
    const names = [...new Set(users.flatMap((user) => [user.username, user.display_name]))]
    const broken: Record<string, string[]> = {}
    for (const path of PAGES()) {
      await page.setViewportSize({ width: 1280, height: 900 })
      await visit.open(path)
      await settled(page)
      for (const width of [1280, 1100, 1000, 768, 390, 320]) {
        await page.setViewportSize({ width, height: 900 })
        const found = await page.evaluate<string[]>(`${BROKEN}(${JSON.stringify(names)})`)
        if (found.length > 0) broken[`${path.replace(/\w{20,}/, '…')} at ${width}`] = found
      }
      await page.setViewportSize({ width: 1280, height: 900 })
      await shoot(page, 'back-office', `names ${path.replace(/\w{20,}/, '')}`, { ...DESKTOP, language })
    }
    expect(broken).toEqual({})
  })
})

test('charts use the font of the page', async () => {
  const visit = await harness.visitAs(OWNER, DESKTOP)
  const { page } = visit
  await page.addInitScript({
    content: `window.fonts = new Set()
      const { set, get } = Object.getOwnPropertyDescriptor(CanvasRenderingContext2D.prototype, 'font')
      Object.defineProperty(CanvasRenderingContext2D.prototype, 'font', { get, set(font) { window.fonts.add(font); set.call(this, font) } })`,
  })
  await visit.open('/admin/dashboard?days=7')
  await page.locator('canvas').first().waitFor()
  await settled(page)
  const family = await page.evaluate<string>('getComputedStyle(document.body).fontFamily')
  await expect.poll(() => page.evaluate<number>('window.fonts.size')).toBeGreaterThan(0)
  const fonts = await page.evaluate<string[]>('[...window.fonts]')
  expect(fonts.filter((font) => !font.endsWith(family))).toEqual([])
  await visit.close()
})
