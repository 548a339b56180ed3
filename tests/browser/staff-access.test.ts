/** Ending sessions, disabling accounts, resetting passwords and second factors; and buttons hidden from a role. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER, order, paidOrder } from './back-office.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  logIn,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'

let harness: Harness
let owner: Visit
beforeAll(async () => {
  harness = await openHarness()
  owner = await harness.visitAs(OWNER, DESKTOP)
})
afterAll(() => harness?.close())

/** The errors that Chromium prints about expected refusals. */
const unexpected = (problems: readonly string[]) => problems.filter((line) => !/status of (401|403|404|422)/.test(line))

async function member(role: string): Promise<Buyer & { readonly id: number }> {
  const person = await harness.newBuyer()
  const [row] = await harness.system.sql<{ id: number }>(
    'update users set role = $2 where username = $1 returning id',
    [person.username, role],
  )
  return { ...person, id: Number(row?.id) }
}

const sentOut = (visit: Visit) =>
  eventually(async () => {
    await visit.page.reload()
    await visit.page.locator('h1').waitFor()
    return new URL(visit.page.url()).pathname
  }).toBe('/admin/login')

async function decide(): Promise<void> {
  const dialog = owner.page.locator('dialog[open]')
  await dialog.getByTestId('decide-words').fill('设备遗失')
  await dialog.getByTestId('decide-yes').click()
  await dialog.waitFor({ state: 'detached' })
}

test('the shop’s header links staff, but no buyer, to the back office', async () => {
  const staff = await harness.visitAs(await member('support'), DESKTOP)
  await staff.open('/')
  await staff.page.getByTestId('to-back-office').click()
  await staff.page.waitForURL('**/admin/**')
  expect(unexpected(staff.problems)).toEqual([])
  await staff.close()
  // A login in the back office is a login in the shop.
  const visit = await harness.visit(DESKTOP)
  await visit.open('/admin/login')
  await logIn(visit.page, await member('support'))
  await visit.page.getByRole('link', { name: '去商店' }).click()
  await visit.page.getByTestId('to-back-office').waitFor()
  await visit.close()
  const buyer = await harness.visitAs(await harness.newBuyer(), DESKTOP)
  await buyer.open('/')
  await buyer.page.getByTestId('logout').waitFor()
  expect(await buyer.page.getByTestId('to-back-office').count()).toBe(0)
  await buyer.close()
})

test('staff end another of their own sessions, then all others, and stay logged in here', async () => {
  const person = await member('support')
  const here = await harness.visitAs(person, DESKTOP)
  const others = [await harness.visitAs(person, PHONE), await harness.visitAs(person, PHONE)]
  others.push(await harness.visitAs(person, PHONE))
  for (const other of others) await other.open('/admin/orders')
  await here.open('/admin/profile')
  const ends = here.page.getByTestId('session-end')
  await eventually(() => ends.count()).toBe(4) // including the one from the registration
  await ends.first().click()
  await eventually(() => ends.count()).toBe(3)
  await here.page.getByTestId('sessions-end-others').click()
  await eventually(() => ends.count()).toBe(0)
  for (const other of others) await sentOut(other)
  await here.page.reload()
  await here.page.getByTestId('factor-on').waitFor()
  expect(unexpected([...here.problems, ...others.flatMap(({ problems }) => problems)])).toEqual([])
  for (const visit of [here, ...others]) await visit.close()
})

test('the owner ends a colleague’s sessions, disables the account and resets its password', async () => {
  const person = await member('finance')
  const visits = [await harness.visitAs(person, PHONE), await harness.visitAs(person, PHONE)]
  visits.push(await harness.visitAs(person, PHONE))
  for (const visit of visits) await visit.open('/admin/orders')
  const { page } = owner
  await owner.open(`/admin/staff/${person.id}`)
  await eventually(() => page.getByTestId('session-end').count()).toBe(4)
  await page.getByTestId('session-end').first().click()
  expect(await violations(page)).toEqual([])
  await decide()
  await eventually(() => page.getByTestId('session-end').count()).toBe(3)
  await page.getByTestId('sessions-end-all').click()
  await decide()
  await page.getByText('现在没有登录').waitFor()
  for (const visit of visits) await sentOut(visit)

  const [visit] = visits
  if (!visit) throw new Error('nobody')
  await page.getByTestId('staff-disable').click()
  await decide()
  await page.locator('dd', { hasText: '已停用' }).waitFor()
  await logIn(visit.page, person)
  await visit.page.getByRole('alert').first().waitFor()
  expect(new URL(visit.page.url()).pathname).toBe('/admin/login')
  await page.getByTestId('staff-disable').click()
  await decide()
  await page.locator('dd', { hasText: '已停用' }).waitFor({ state: 'detached' })

  await page.getByTestId('staff-password').click()
  await decide()
  const password = await page.getByTestId('made-password').innerText()
  await settled(page)
  expect(await violations(page)).toEqual([])
  await logIn(visit.page, { ...person, password })
  await visit.page.waitForURL('**/admin/first-password?**')
  expect(unexpected([...owner.problems, ...visits.flatMap(({ problems }) => problems)])).toEqual([])
  for (const each of visits) await each.close()
})

test('the owner turns off a colleague’s second factor, and the next login asks for no code', async () => {
  const person = await member('support')
  const client = harness.system.client()
  await client.login(person.username, person.password)
  const visit = await harness.visitAs(person, DESKTOP)
  await visit.open('/admin/profile')
  await visit.page.getByTestId('factor-on').click()
  const secret = (await visit.page.getByTestId('factor-secret').innerText()).replaceAll(' ', '')
  await visit.page.getByTestId('factor-digits').fill(new TOTP({ secret: Secret.fromBase32(secret) }).generate())
  await visit.page.getByTestId('factor-next').click()
  await visit.page.getByTestId('codes-kept').click()
  await visit.page.getByTestId('logout').click()
  await visit.page.waitForURL('**/admin/login**')
  await logIn(visit.page, person)
  await visit.page.getByTestId('login-code').waitFor()

  await owner.open(`/admin/staff/${person.id}`)
  await owner.page.getByTestId('staff-factor').click()
  await decide()
  await owner.page.getByTestId('staff-factor').waitFor({ state: 'detached' })
  await visit.open('/admin/login')
  await logIn(visit.page, person)
  await visit.page.waitForURL('**/admin/orders')
  expect(unexpected([...owner.problems, ...visit.problems])).toEqual([])
  await visit.close()
})

test('each role sees only the buttons that it has permission for', async () => {
  const paid = await paidOrder(harness.system, [1], '39.00')
  const open = await order(harness.system, [2], '49.00')
  const [buyer] = await harness.system.sql<{ id: string }>('select user_id as id from orders where order_no = $1', [
    paid.orderNo,
  ])
  const forbidden = async (role: string) => {
    const visit = await harness.visitAs(await member(role), DESKTOP)
    const count = async (path: string, ...buttons: string[]) => {
      await visit.open(path)
      await settled(visit.page)
      const found: string[] = []
      for (const button of buttons) if ((await visit.page.getByTestId(button).count()) > 0) found.push(button)
      return found
    }
    return { visit, count }
  }
  const { rights } = await rightsTable()
  for (const role of ['support', 'finance', 'editor']) {
    const may = (right: string) => rights.get(right)?.includes(role) ?? false
    const { visit, count } = await forbidden(role)
    const expected = (...pairs: [string, string][]) => pairs.flatMap(([button, right]) => (may(right) ? [button] : []))
    if (may('orders.read')) {
      expect([role, await count(`/admin/orders/${paid.orderNo}`, 'order-refund', 'access-1')]).toEqual([
        role,
        expected(['order-refund', 'refunds.send'], ['access-1', 'access.grant']),
      ])
      expect([role, await count(`/admin/orders/${open.orderNo}`, 'order-cancel')]).toEqual([
        role,
        expected(['order-cancel', 'orders.cancel']),
      ])
    }
    if (may('buyers.read')) {
      expect([
        role,
        await count(`/admin/buyers/${buyer?.id}`, 'buyer-password', 'buyer-disable', 'buyer-grant'),
      ]).toEqual([
        role,
        expected(
          ['buyer-password', 'buyers.write'],
          ['buyer-disable', 'buyers.write'],
          ['buyer-grant', 'access.grant'],
        ),
      ])
    }
    if (may('courses.read')) {
      expect([role, await count('/admin/courses/1', 'course-unpublish', 'course-save')]).toEqual([
        role,
        expected(['course-unpublish', 'courses.write'], ['course-save', 'courses.write']),
      ])
    }
    expect(unexpected(visit.problems)).toEqual([])
    await visit.close()
  }
})

/** The permissions of each role, from the server. */
async function rightsTable(): Promise<{ rights: Map<string, string[]> }> {
  const client = harness.system.client()
  await client.login(OWNER.username, OWNER.password)
  const { body } = await client.call<{ roles: { role: string; rights: string[] }[] }>('GET', '/api/admin/staff')
  const rights = new Map<string, string[]>()
  for (const { role, rights: held } of body.roles) {
    for (const right of held) rights.set(right, [...(rights.get(right) ?? []), role])
  }
  return { rights }
}
