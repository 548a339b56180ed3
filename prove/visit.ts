/** A buyer's actions in the shop and at the cashier. */
import { randomUUID } from 'node:crypto'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import type { Merchant } from './check.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'

export type Method = 'alipay' | 'wechat'

/** Where a buyer is sent to pay (on a phone by either method), or the code to scan. */
export interface Checkout {
  readonly orderNo: string
  readonly totalAmount: string
  readonly payType: Method
  readonly payUrl?: string
  readonly codeUrl?: string
}

export const other = (method: Method): Method => (method === 'alipay' ? 'wechat' : 'alipay')

export interface Course {
  readonly id: number
  readonly fen: number
}

export interface Order {
  readonly status: string
  readonly lines: { courseId: number; refundable: string }[]
  readonly refunds: { requestNo: string; status: string }[]
}

export interface Visit {
  readonly system: System
  readonly api: ShopApi
  readonly staff: ShopApi
  readonly draw: Random
  readonly courses: readonly Course[]
  /** Courses bought or ordered, so that the next order is for others. */
  readonly owned: Set<number>
  readonly surprises: string[]
  readonly merchant: Merchant
}

export const yuan = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`

export function choose({ draw, courses, owned }: Visit): Course[] {
  const count = draw.weighted({ one: 6, two: 3, three: 1 })
  const wanted = { one: 1, two: 2, three: 3 }[count]
  const chosen: Course[] = []
  for (let tries = 0; chosen.length < wanted && tries < 200; tries += 1) {
    const course = draw.pick(courses)
    if (owned.has(course.id) || chosen.includes(course)) continue
    chosen.push(course)
  }
  for (const course of chosen) owned.add(course.id)
  return chosen
}

/**
 * By a method drawn from the seed, unless one is given. With too many unpaid orders, the buyer cancels the oldest, as a
 * person would.
 */
export async function place(
  visit: Visit,
  courses: readonly Course[],
  key = randomUUID(),
  method: Method = visit.draw.pick(['alipay', 'wechat'] as const),
): Promise<Checkout | undefined> {
  const totalAmount = yuan(courses.reduce((sum, course) => sum + course.fen, 0))
  const body = { courseIds: courses.map((course) => course.id), totalAmount, payType: method }
  const ask = () =>
    patiently<Checkout & { code?: string }>(visit.api, 'POST', '/api/orders', body, { 'idempotency-key': key })
  const answer = await ask()
  if (answer.status === 201) return answer.body
  if (answer.body.code === 'PAY_METHOD_UNAVAILABLE') visit.surprises.push(`there is no ${method}`)
  if (answer.body.code !== 'TOO_MANY_UNPAID_ORDERS') return undefined
  const { body: mine } = await patiently<{ items?: { orderNo: string; status: string }[] }>(
    visit.api,
    'GET',
    '/api/orders',
  )
  const oldest = mine.items?.filter(({ status }) => status === 'unpaid').at(-1)
  if (oldest) await cancel(visit, oldest.orderNo)
  const again = await ask()
  return again.status === 201 ? again.body : undefined
}

/** Where the buyer returns to: an address signed by the gateway, or only the order's number. */
export interface Paid {
  readonly returnUrl?: string | null
  readonly orderNo?: string
}

const REFUSED = / 4\d\d /

/** Pays at the cashier or with the phone; a refusal (already paid, closed, too late) is returned to the buyer. */
export async function payLink(
  { system }: Visit,
  link: Checkout | undefined,
  buyer?: string,
): Promise<Paid | undefined> {
  if (!link) return undefined
  const giveUp = (message: string) => REFUSED.test(message)
  if (link.payType === 'alipay') {
    const body = { payUrl: link.payUrl, ...(buyer !== undefined && { buyer }) }
    return persist(() => system.sandbox.send<{ returnUrl: string | null }>('POST', '/pay', body), giveUp)
  }
  const body = { link: link.codeUrl ?? link.payUrl, ...(buyer !== undefined && { buyer }) }
  const scanned = await persist(() => system.sandbox.send<object>('POST', '/wechat/pay', body), giveUp)
  return scanned && { orderNo: link.orderNo }
}

/** By the order's own method, or another one. */
export const again = async ({ api }: Visit, orderNo: string, method?: Method): Promise<Checkout | undefined> => {
  const body = method === undefined ? undefined : { payType: method }
  const answer = await patiently<Checkout>(api, 'POST', `/api/orders/${orderNo}/payment`, body, {
    'idempotency-key': randomUUID(),
  })
  return answer.status === 200 ? answer.body : undefined
}

export const comeBack = async ({ api }: Visit, { returnUrl, orderNo }: Paid = {}): Promise<void> => {
  if (orderNo !== undefined) await patiently(api, 'POST', `/api/orders/${orderNo}/ask`)
  if (!returnUrl) return
  const parameters = Object.fromEntries(new URL(returnUrl).searchParams)
  await patiently(api, 'POST', '/api/payments/alipay/return', parameters)
}

export const look = async ({ api }: Visit, orderNo: string): Promise<Order> =>
  (await patiently<Order>(api, 'GET', `/api/orders/${orderNo}`)).body

export const cancel = ({ api }: Visit, orderNo: string) => patiently(api, 'POST', `/api/orders/${orderNo}/cancel`)

/** A paid order, as far as its buyer can see; undefined if that takes too long. */
export async function buy(visit: Visit): Promise<{ orderNo: string; order: Order } | undefined> {
  const link = await place(visit, choose(visit))
  if (!link) return undefined
  await comeBack(visit, await payLink(visit, link))
  for (let tries = 0; tries < 20; tries += 1) {
    const order = await look(visit, link.orderNo)
    if (order.status !== 'unpaid') return order.status === 'paid' ? { orderNo: link.orderNo, order } : undefined
    await pause(500)
  }
  return undefined
}

export const refundByStaff = async (
  { staff }: Visit,
  orderNo: string,
  lines: { courseId: number; amount?: string }[],
  key = randomUUID(),
): Promise<string | undefined> => {
  const preview = await patiently<{ amount: string }>(staff, 'POST', `/api/admin/orders/${orderNo}/refunds/preview`, {
    lines,
  })
  if (preview.status !== 200) return undefined
  const body = { lines, amount: preview.body.amount, reason: 'proof' }
  const path = `/api/admin/orders/${orderNo}/refunds`
  const made = await patiently<{ requestNo: string }>(staff, 'POST', path, body, { 'idempotency-key': key })
  return made.status === 201 ? made.body.requestNo : undefined
}

export const someLines = ({ draw }: Visit, order: Order) =>
  order.lines.filter((_, index) => index === 0 || draw.chance(50)).map(({ courseId }) => ({ courseId }))

export const requestRefund = async (visit: Visit): Promise<{ orderNo: string; requestNo: string } | undefined> => {
  const bought = await buy(visit)
  if (!bought) return undefined
  const { orderNo, order } = bought
  const courseIds = someLines(visit, order).map(({ courseId }) => courseId)
  const answer = await patiently<Order>(
    visit.api,
    'POST',
    `/api/orders/${orderNo}/refunds`,
    { courseIds, reason: 'proof' },
    { 'idempotency-key': randomUUID() },
  )
  const requestNo = answer.body.refunds?.at(-1)?.requestNo
  return answer.status === 201 && requestNo ? { orderNo, requestNo } : undefined
}
