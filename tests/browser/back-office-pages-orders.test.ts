/** The pages of the back office about orders and refunds, and the dashboard. */
import { expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { describePages } from './back-office-page.ts'
import { eventually, settled } from './harness.ts'

describePages(
  [
    { name: 'orders', path: () => '/admin/orders', heading: ['订单', 'Orders'], shows: 'tbody tr' },
    { name: 'no orders found', path: () => '/admin/orders?q=nobody', heading: ['订单', 'Orders'] },
    {
      name: 'orders by status, method and date',
      path: (world) => `/admin/orders?status=unpaid&payType=alipay&from=${world.day}&to=${world.day}`,
      heading: ['订单', 'Orders'],
      shows: 'tbody tr',
    },
    {
      name: 'more buyers than the search compares',
      path: () => '/admin/orders?q=learner',
      heading: ['订单', 'Orders'],
      shows: '[data-testid=orders-too-many]',
    },
    {
      name: 'an order with refunds',
      path: (world) => `/admin/orders/${world.partly}`,
      heading: ['', ''],
      shows: '[data-testid=time-line] li',
    },
    {
      name: 'an unpaid order',
      path: (world) => `/admin/orders/${world.unpaid}`,
      heading: ['', ''],
      shows: '[data-testid=order-cancel]',
    },
    { name: 'an unknown order', path: () => '/admin/orders/0', heading: ['没有这个订单', 'Order not found'] },
    { name: 'refunds', path: () => '/admin/refunds', heading: ['退款', 'Refunds'], shows: '[data-refund]' },
    {
      name: 'refunds to decide',
      path: () => '/admin/refunds?status=requested',
      heading: ['退款', 'Refunds'],
      shows: '[data-testid=refund-approve]',
    },
    { name: 'the dashboard', path: () => '/admin/dashboard', heading: ['经营概况', 'Dashboard'], shows: 'canvas' },
    { name: 'the dashboard of a year', path: () => '/admin/dashboard?days=366', heading: ['经营概况', 'Dashboard'] },
  ],
  (looking) => {
    test('a table is never cut off: it stacks on a narrow screen, and scrolls where it is still too wide', async () => {
      const { world, visit, manner } = looking()
      const { page } = visit
      await page.setViewportSize({ width: Math.min(1024, manner.width), height: 900 })
      await visit.open(`/admin/orders/${world.partly}`)
      await settled(page)
      const cut = `[...document.querySelectorAll('.frame')].filter((frame) => frame.scrollWidth > frame.clientWidth).length`
      expect(await page.evaluate(cut)).toBe(0)
      await page.setViewportSize({ width: manner.width, height: 900 })
      expect(await page.evaluate(cut)).toBe(0)
      if (manner.width > 1000) {
        const frame = page.getByRole('group', { name: manner.language === 'en' ? 'Payment attempts' : '支付单' })
        // A busy browser may drop a key, and the page draws its tables anew when it has read the order again.
        await eventually(async () => {
          // Set with scripts: the content policy allows no style element.
          await page.evaluate(
            `for (const table of document.querySelectorAll('.frame table')) table.style.minWidth = '2000px'`,
          )
          await frame.focus()
          await page.keyboard.press('ArrowRight')
          return frame.evaluate((element) => element.scrollLeft)
        }).toBeGreaterThan(0)
        expect(await violations(page)).toEqual([])
      }
      expect(visit.problems.splice(0)).toEqual([])
    })

    test('the refund dialog', async () => {
      const { world, visit } = looking()
      const { page } = visit
      await visit.open(`/admin/orders/${world.partly}`)
      await page.getByTestId('order-refund').click()
      const dialog = page.locator('dialog[open]')
      await dialog.getByTestId('refund-line-2').check()
      expect(await violations(page)).toEqual([])
      await dialog.getByTestId('refund-reason').fill('test')
      await dialog.getByTestId('refund-preview').click()
      await dialog.getByTestId('refund-send').waitFor()
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      // The focus returns to where it was.
      expect(await page.evaluate('document.activeElement.dataset.testid')).toBe('order-refund')
      expect(visit.problems.splice(0)).toEqual([])
    })

    test('the login page', async () => {
      const { harness, manner } = looking()
      const stranger = await harness.visit(manner)
      await stranger.open('/admin/orders?status=paid')
      await settled(stranger.page)
      expect(new URL(stranger.page.url()).searchParams.get('next')).toBe('/orders?status=paid')
      expect(
        await stranger.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth'),
      ).toBeLessThanOrEqual(0)
      expect(await violations(stranger.page)).toEqual([])
      expect(stranger.problems).toEqual([])
      await stranger.close()
    })
  },
)
