/** Students by CSV: from a file with mistakes to a student who reads the course. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { contentOf } from './browser.ts'
import { DESKTOP, eventually, type Harness, logIn, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

const fits = 'document.documentElement.scrollWidth - innerWidth'
const list = (text: string) => ({ name: '名单.csv', mimeType: 'text/csv', buffer: Buffer.from(text) })

test('a CSV is corrected and imported with progress; an imported student logs in and reads the course', async () => {
  const { page, open } = await harness.visitAs(OWNER, DESKTOP)
  await open('/admin/imports')
  await page.getByTestId('import-file').setInputFiles(list('用户名,昵称,课程\nli.hua,李华,没有这门课\n'))
  await page.getByText('没有这门课程').waitFor()
  await settled(page)
  expect(await violations(page)).toEqual([])

  await open('/admin/imports')
  const pupils = Array.from({ length: 100 }, (_, place) => `pupil${place},,1`)
  await page.getByTestId('import-file').setInputFiles(list(['用户名,昵称,课程', 'li.hua,李华,1', ...pupils].join('\n')))
  await page.locator('[data-import=checked]').waitFor()
  expect(await page.locator('[data-import] dd').allInnerTexts()).toEqual(['101', '101', '101', '0'])
  const address = new URL(page.url()).pathname
  await page.getByTestId('import-start').click()
  await page.locator('[data-import=running]').waitFor()
  await open('/admin/buyers')
  await open(address)
  await eventually(() => page.getByTestId('import-progress').innerText()).toBe('101 / 101 行')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('import-passwords').click()])
  await settled(page)
  expect(await violations(page)).toEqual([])
  const lines = (await contentOf(download)).toString('utf8').split('\r\n')
  expect(lines[0]?.startsWith('\ufeff')).toBe(true)
  const [username = '', , password = ''] = lines[1]?.split(',').map((cell) => cell.slice(1, -1)) ?? []
  expect(username).toBe('li.hua')
  await page.reload()
  await page.getByText('一次性密码已下载过').waitFor()

  const phone = await harness.visitAs(OWNER, PHONE)
  await phone.open(address)
  await phone.page.locator('[data-import=done]').waitFor()
  await settled(phone.page)
  expect(await violations(phone.page)).toEqual([])
  expect(await phone.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)

  const student = await harness.visit(DESKTOP)
  await student.open('/login')
  await logIn(student.page, { username, password })
  // Staff know the one-time password: the student chooses another before anything else.
  await student.page.waitForURL('**/account/password?next=/')
  await student.open('/my/courses')
  await student.page.waitForURL('**/account/password?next=/my/courses')
  await settled(student.page)
  expect(await violations(student.page)).toEqual([])
  await student.page.getByTestId('password-new').fill('my-own-password')
  await student.page.getByTestId('password-submit').click()
  await student.page.waitForURL('**/my/courses')
  await student.page.locator('a[href*="/learn/1"]').first().waitFor()
  await student.page.reload()
  await student.page.locator('a[href*="/learn/1"]').first().waitFor()
})
