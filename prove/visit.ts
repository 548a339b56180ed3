/** What a buyer can do at the shop and at the cashier, one deed at a time. */
import { randomUUID } from 'node:crypto'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import type { Merchant } from './check.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'

export type Method = 'alipay' | 'wechat'

/** What a buyer is sent to (a phone by either method), or scans. */
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
  /** Bought or begun, so that the next order is for others. */
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

/** By a method drawn from the seed, unless one is named. */
export function place(
  { api, draw }: Visit,
  courses: readonly Course[],
  key = randomUUID(),
  method: Method = draw.pick(['alipay', 'wechat'] as const),
): Promise<Checkout | undefined> {
  const totalAmount = yuan(courses.reduce((sum, course) => sum + course.fen, 0))
  const body = { courseIds: courses.map((course) => course.id), totalAmount, payType: method }
  return patiently<Checkout>(api, 'POST', '/api/orders', body, { 'idempotency-key': key }).then((answer) =>
    answer.status === 201 ? answer.body : undefined,
  )
}

/** Where the buyer is sent back to: an address that the gateway has signed, or nothing but the order's number. */
export interface Paid {
  readonly returnUrl?: string | null
  readonly orderNo?: string
}

const REFUSED = / 4\d\d /

/** Pays at the cashier or with the phone; a refusal (paid already, closed, too late) is the buyer's answer. */
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

/** By the order's own method, or by another. */
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

/** An order that is paid, as far as its buyer can see; undefined where that takes too long. */
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

export const askForRefund = async (visit: Visit): Promise<{ orderNo: string; requestNo: string } | undefined> => {
  const bought = await buy(visit)
  if (!bought) return undefined
  const { orderNo, order } = bought
  const courseIds = someLines(visit, order).map(({ courseId }) => courseId)
  const asked = await patiently<Order>(
    visit.api,
    'POST',
    `/api/orders/${orderNo}/refunds`,
    { courseIds, reason: 'proof' },
    { 'idempotency-key': randomUUID() },
  )
  const requestNo = asked.body.refunds?.at(-1)?.requestNo
  return asked.status === 201 && requestNo ? { orderNo, requestNo } : undefined
}
