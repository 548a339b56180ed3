/**
 * Everyday problems: slow connections, rate limits, a payment method that fails, an owned course, empty forms, and files
 * that are not videos.
 */
import type { Page, Route } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { mp4, track } from '../harness/mp4.ts'
import { until } from '../harness/system.ts'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  jumped,
  type Manner,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'
import { shoot } from './screenshots.ts'

let harness: Harness
const visits: Visit[] = []
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
afterEach(async () => {
  await harness.system.sandbox.send('DELETE', '/faults')
  for (const visit of visits.splice(0)) await visit.close()
})

async function visit(manner: Manner, who?: Buyer): Promise<Visit> {
  const made = who ? await harness.visitAs(who, manner) : await harness.visit(manner)
  visits.push(made)
  return made
}

const MANNERS = [
  ['1280 pixels, Chinese', DESKTOP],
  ['390 pixels, English', PHONE],
] as const satisfies (readonly [string, Manner])[]

/** The invalid fields with their messages, and the field with the focus. */
const marked = async (page: Page): Promise<{ wrong: string[]; focus: string }> =>
  JSON.parse(
    await page.evaluate<string>(`JSON.stringify({
      wrong: [...document.querySelectorAll('[aria-invalid=true]')].map((field) =>
        field.name + ': ' + (document.getElementById((field.getAttribute('aria-describedby') ?? '').split(' ')[0])?.textContent ?? '').trim()),
      focus: document.activeElement?.name ?? '',
    })`),
  )

describe.each(MANNERS)('%s', (_, manner) => {
  test.each(['/', '/courses/3', '/admin/login'])(
    '%s shows a skeleton on a slow connection, before any script has loaded',
    async (path) => {
      const { page, problems } = await visit(manner)
      let release = () => {}
      const slow = new Promise<void>((done) => {
        release = done
      })
      const hold = async (route: Route) => {
        await slow
        await route.continue()
      }
      await page.route('**/*.js', hold)
      await page.goto(path, { waitUntil: 'commit' })
      const placeholders = page.locator('#app .first .bone')
      await placeholders.first().waitFor()
      // Really drawn: with a height and in the colours of the page.
      const drawn = `[...document.querySelectorAll('#app .first .bone')].filter((bone) =>
        bone.getBoundingClientRect().height > 15 && getComputedStyle(bone).backgroundColor !== 'rgba(0, 0, 0, 0)').length`
      await eventually(() => page.evaluate<number>(drawn)).toBe(7)
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      await shoot(page, 'shop', `before the script ${path}`, manner)
      release()
      await settled(page)
      expect(await page.locator('.first').count()).toBe(0)
      expect(await jumped(page)).toBeLessThan(0.02)
      expect(problems).toEqual([])
    },
  )

  test('a long rate limit is given in minutes, once', async () => {
    const { page, open } = await visit(manner)
    const en = manner.language === 'en'
    const refuse = (detail: string) => async (route: Route) => {
      if (route.request().method() !== 'POST') return route.continue()
      const body = JSON.stringify({ type: 't', title: 'Too many', status: 429, code: 'TOO_MANY_ATTEMPTS', detail })
      await route.fulfill({
        status: 429,
        contentType: 'application/problem+json',
        headers: { 'retry-after': '892' },
        body,
      })
    }
    const minutes = en ? '15 minutes' : '15 分钟'
    for (const detail of ['Wait.', `Again in ${minutes}.`]) {
      await page.unroute('**/api/session')
      await page.route('**/api/session', refuse(detail))
      await open('/login')
      await page.getByTestId('login-username').fill('somebody')
      await page.getByTestId('login-password').fill('a password')
      await page.getByTestId('login-submit').click()
      const problem = page.locator('.problem')
      await problem.getByText(minutes).waitFor()
      const text = await problem.innerText()
      expect(text).not.toContain('892')
      expect(text.split(minutes)).toHaveLength(2)
    }
  })

  test('when one payment method fails, the other is offered and pays the order', async () => {
    const { page, open } = await visit(manner, await harness.newBuyer())
    await harness.system.sandbox.send('POST', '/faults', {
      kind: 'http-500',
      method: 'POST /v3/pay/transactions/native',
    })
    const other = manner.language === 'en' ? 'You can pay with Alipay instead.' : '可以改用支付宝付款。'
    await open('/checkout?courses=2')
    await settled(page)
    await page.locator('input[value=wechat]').check()
    await page.getByTestId('checkout-pay').click()
    await page.getByTestId('other-methods').getByText(other).waitFor()
    expect(await violations(page)).toEqual([])
    await shoot(page, 'shop', 'a method that is out', manner)
    // The order's page and the page with the code say it as well.
    await open('/orders')
    await page.locator('.slip .button').first().click()
    await page.getByTestId('pay-again').click()
    await page.getByTestId('other-methods').getByText(other).waitFor()
    const orderNo = new URL(page.url()).pathname.split('/').at(-1)
    await open(`/orders/${orderNo}/pay`)
    await page.getByTestId('other-methods').getByText(other).waitFor()
    await shoot(page, 'shop', 'a code that cannot be had', manner)
    await open('/checkout?courses=2')
    await settled(page)
    await page.locator('input[value=wechat]').check()
    await page.getByTestId('checkout-pay').click()
    await page.getByTestId('pay-by-alipay').click()
    await page.waitForURL((url) => url.origin === new URL(harness.system.sandboxUrl).origin)
  })

  test('the checkout links an owned course to its lessons, and never shows a price of 0.00', async () => {
    const buyer = await harness.newBuyer()
    const client = harness.system.client()
    await client.login(buyer.username, buyer.password)
    const { body } = await client.buy([1, 3], '89.00')
    await harness.system.sandbox.pay(body.payUrl)
    await until(
      () => client.order(body.orderNo),
      ({ status }) => status === 'paid',
      20_000,
    )
    const { page, open } = await visit(manner, buyer)
    await open('/checkout?courses=1')
    await settled(page)
    const panel = page.getByTestId('nothing-to-pay')
    await panel.waitFor()
    expect(await page.locator('main').innerText()).not.toContain('0.00')
    expect(await violations(page)).toEqual([])
    await shoot(page, 'shop', 'checkout of an owned course', manner)
    await panel.getByRole('link').click()
    await page.waitForURL('**/learn/1/**')
    // Among several, only the courses that are not owned are paid for; the owned one links to its lessons.
    await open('/checkout?courses=1,2')
    await settled(page)
    await page.locator('.line.apart .why a').click()
    await page.waitForURL('**/learn/1/**')
  })

  test('an empty form marks every field and focuses the first', async () => {
    const en = manner.language === 'en'
    const { page, open } = await visit(manner)
    await open('/register')
    await page.getByTestId('register-submit').click()
    expect(await marked(page)).toEqual({
      wrong: en
        ? ['username: Please fill in: Username', 'password: Please fill in: Password']
        : ['username: 请填写用户名', 'password: 请填写密码'],
      focus: 'username',
    })
    await shoot(page, 'shop', 'register left empty', manner)
    await page.getByTestId('register-username').fill('reader')
    await page.getByTestId('register-password').fill('short')
    await page.getByTestId('register-submit').click()
    expect(await marked(page)).toMatchObject({ wrong: [expect.stringContaining('8')], focus: 'password' })
    await open('/login')
    await page.getByTestId('login-submit').click()
    expect(await marked(page)).toMatchObject({ wrong: { length: 2 }, focus: 'username' })
  })

  test('an empty new course marks every missing field and focuses the first', async () => {
    const { page, open } = await visit(manner, OWNER)
    await open('/admin/courses/new')
    await settled(page)
    await page.getByTestId('course-save').click()
    await page.locator('[aria-invalid=true]').first().waitFor()
    const { wrong, focus } = await marked(page)
    expect(wrong.map((said) => said.replace(/(请填写|Please fill in: ).+$/, '$1'))).toEqual(
      manner.language === 'en'
        ? ['title: Please fill in: ', 'price: Please fill in: ']
        : ['title: 请填写', 'price: 请填写'],
    )
    expect(focus).toBe('title')
    expect(await violations(page)).toEqual([])
    await shoot(page, 'back-office', 'a course left empty', manner)
  })

  test('a file that is not a usable video is refused with the reason', async () => {
    const en = manner.language === 'en'
    const { page, open } = await visit(manner, OWNER)
    const { body } = await (async () => {
      const client = harness.system.client()
      await client.login(OWNER.username, OWNER.password)
      return client.call<{ chapters: { lessons: { id: number }[] }[] }>('GET', '/api/courses/1')
    })()
    await open(`/admin/courses/1/lessons/${body.chapters[0]?.lessons[0]?.id}`)
    await settled(page)
    const file = page.getByTestId('video-file')
    const refused = async (name: string, buffer: Buffer): Promise<string> => {
      await file.setInputFiles({ name, mimeType: 'video/mp4', buffer })
      const said = page.locator('.upload').filter({ has: file }).locator('.note.alarm')
      await said.waitFor()
      const text = await page.locator('.upload').filter({ has: file }).innerText()
      await page.reload()
      await settled(page)
      return text
    }
    const mov = Buffer.from('\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ', 'latin1')
    expect(await refused('a.mov', mov)).toContain('QuickTime (MOV)')
    expect(await refused('a.mp4', mp4(Buffer.alloc(900), [track('vide', 'apch')]))).toContain('Apple ProRes')
    expect(await refused('a.mp4', mp4(Buffer.alloc(900), [track('soun', 'mp4a')]))).toMatch(
      en ? /no video track/ : /没有画面/,
    )
    expect(await refused('a.mp4', mp4(Buffer.alloc(5000)).subarray(0, 3000))).toMatch(en ? /incomplete/ : /不完整/)
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(300)])
    expect(await refused('a.png', png)).toMatch(en ? /Choose a video/ : /这里需要视频/)
  })
})

test('an empty refund request names both missing fields', async () => {
  const buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const { body } = await client.buy([1, 3], '89.00')
  await harness.system.sandbox.pay(body.payUrl)
  await until(
    () => client.order(body.orderNo),
    ({ status }) => status === 'paid',
    20_000,
  )
  const { page, open } = await visit(DESKTOP, buyer)
  await open(`/orders/${body.orderNo}`)
  await page.getByTestId('refund-ask').click()
  await page.getByTestId('ask-send').click()
  await page.locator('dialog').getByRole('alert').getByText('请至少选择一门课程').waitFor()
  await page.getByText('请填写退款原因').waitFor()
  expect(await page.getByTestId('ask-line-1').and(page.locator(':focus')).count()).toBe(1)
})
