/** Sorting lessons by dragging, free previews, struck prices and teachers: from the back office to a visitor's page. */
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { DESKTOP, eventually, type Harness, openHarness, PHONE, type Visit } from './harness.ts'

let harness: Harness
let staff: Visit
beforeAll(async () => {
  harness = await openHarness()
  staff = await harness.visitAs(OWNER, DESKTOP)
})
afterAll(() => harness?.close())

/** Drags like a person: presses the handle, moves in steps, releases above another row. */
async function drag(page: Page, from: Locator, to: Locator): Promise<void> {
  await from.scrollIntoViewIfNeeded()
  const start = await from.boundingBox()
  const end = await to.boundingBox()
  if (!start || !end) throw new Error('nothing to drag')
  await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2)
  await page.mouse.down()
  await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2 + 6, { steps: 3 })
  await page.mouse.move(start.x + start.width / 2, end.y + end.height * 0.75, { steps: 25 })
  await page.mouse.up()
}

const orderOf = (page: Page, name: 'lesson' | 'chapter') =>
  page.locator(`[data-${name}]`).evaluateAll((rows, key) => rows.map((row) => row.getAttribute(key)), `data-${name}`)

test('lessons and chapters are reordered by dragging, and visitors see the new order', async () => {
  const { page } = staff
  await staff.open('/admin/courses/1?tab=content')
  await page.locator('[data-lesson]').first().waitFor()
  const first = page.locator('[data-chapter]').first().locator('[data-lesson]')
  const before = await orderOf(page, 'lesson')
  const stored = page.waitForResponse((answer) => answer.url().endsWith('/order') && answer.ok())
  await drag(page, first.nth(0).locator('.handle'), first.nth(1))
  await stored
  const swapped = [before[1], before[0], ...before.slice(2)]
  await eventually(() => orderOf(page, 'lesson')).toEqual(swapped)
  await page.reload()
  await page.locator('[data-lesson]').first().waitFor()
  expect(await orderOf(page, 'lesson')).toEqual(swapped)

  const chapters = await orderOf(page, 'chapter')
  const moved = page.waitForResponse((answer) => answer.url().endsWith('/order') && answer.ok())
  await drag(
    page,
    page.locator('[data-chapter]').nth(0).locator('.handle').first(),
    page.locator('[data-chapter]').nth(1),
  )
  await moved
  const turned = [chapters[1], chapters[0], ...chapters.slice(2)]
  await eventually(() => orderOf(page, 'chapter')).toEqual(turned)

  const { body } = await harness.system
    .client()
    .call<{ chapters: { lessons: { id: number }[] }[] }>('GET', '/api/courses/1')
  const seen = body.chapters.flatMap(({ lessons }) => lessons.map(({ id }) => String(id)))
  expect(seen).toEqual(await orderOf(page, 'lesson'))
  expect(staff.problems).toEqual([])
})

test('a visitor can read a lesson while it is a free preview, and not afterwards', async () => {
  const { page } = staff
  const { body } = await harness.system
    .client()
    .call<{ chapters: { lessons: { id: number; preview: boolean }[] }[] }>('GET', '/api/courses/3')
  const lesson = body.chapters.flatMap(({ lessons }) => lessons).find(({ preview }) => !preview)?.id
  const visitor = await harness.visit(PHONE)
  await visitor.open(`/learn/3/${lesson}`)
  await visitor.page.getByTestId('lesson-locked').waitFor()

  const save = async (free: boolean) => {
    await staff.open(`/admin/courses/3/lessons/${lesson}`)
    await page.getByTestId('lesson-trial').setChecked(free)
    const stored = page.waitForResponse((answer) => answer.request().method() === 'PUT' && answer.ok())
    await page.getByTestId('lesson-save').click()
    await stored
  }
  await save(true)
  await visitor.page.reload()
  await visitor.page.getByTestId('lesson-body').waitFor()
  await save(false)
  await visitor.page.reload()
  await visitor.page.getByTestId('lesson-locked').waitFor()
  expect([...visitor.problems, ...staff.problems]).toEqual([])
  await visitor.close()
})

test('visitors see the original price struck through; one that is not higher than the price is refused', async () => {
  const { page } = staff
  await staff.open('/admin/courses/2')
  await page.locator('[name=originalPrice]').fill('10')
  await page.getByTestId('course-save').click()
  await page.locator('[name=originalPrice][aria-invalid=true]').waitFor()
  await page.locator('[name=originalPrice]').fill('88.8')
  const stored = page.waitForResponse((answer) => answer.request().method() === 'PUT' && answer.ok())
  await page.getByTestId('course-save').click()
  await stored
  const visitor = await harness.visit(DESKTOP)
  await visitor.open('/courses/2')
  const struck = visitor.page.locator('s', { hasText: '¥88.80' }).first()
  await struck.waitFor()
  expect(await struck.evaluate((node) => node.tagName)).toBe('S')
  expect(await visitor.page.locator('.price .now').first().innerText()).toBe('¥49.00')
  expect(await violations(visitor.page)).toEqual([])
  await visitor.close()
  expect(staff.problems.splice(0).filter((line) => !line.includes('status of 422'))).toEqual([])
})

test('a teacher is added in a dialog and edited', async () => {
  const { page } = staff
  await staff.open('/admin/teachers')
  await page.getByTestId('choice-add').click()
  const dialog = page.locator('dialog[open]')
  await dialog.getByTestId('choice-save').click()
  await dialog.locator('[aria-invalid=true]').first().waitFor()
  expect(await violations(page)).toEqual([])
  const fields = dialog.locator('input, textarea')
  for (const [at, field] of (await fields.all()).entries()) await field.fill(at === 0 ? '沈括' : `梦溪笔谈 ${at}`)
  await dialog.getByTestId('choice-save').click()
  await dialog.waitFor({ state: 'detached' })
  const row = page.getByTestId('choices').locator('li', { hasText: '沈括' })
  await row.getByRole('button', { name: '修改 沈括' }).click()
  await fields.first().fill('沈存中')
  await dialog.getByTestId('choice-save').click()
  await page.getByTestId('choices').locator('strong', { hasText: '沈存中' }).waitFor()
  expect(staff.problems).toEqual([])
})
