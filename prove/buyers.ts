/** Hundreds of buyers and a member of staff, each doing what people do: mostly the right thing, and everything else as well. */
import { randomUUID } from 'node:crypto'
import type { Checkout, ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'

export interface Course {
  readonly id: number
  readonly fen: number
}

interface Order {
  readonly status: string
  readonly lines: { courseId: number; refundable: string }[]
  readonly refunds: { requestNo: string; status: string }[]
}

/** What a buyer does with an order, and how often of a hundred. */
export const SCRIPTS = {
  'pays and comes back': 30,
  'pays and closes the tab': 14,
  'presses buy twice': 6,
  'pays twice, over two links': 8,
  'pays an old link': 5,
  'pays, then cancels': 4,
  'cancels, then pays': 5,
  abandons: 8,
  'abandons at the cashier': 3,
  'pays after the order has expired': 4,
  'pays and refreshes all the time': 3,
  'asks for a refund': 6,
  'asks for a refund and withdraws': 2,
  'gets a refund from staff': 5,
  'gets a part back from staff': 3,
  'buys the same course in two orders': 4,
} as const

export type Script = keyof typeof SCRIPTS

export interface Crowd {
  readonly orders: number
  readonly deeds: Readonly<Record<string, number>>
  /** Unexpected answers, in words. */
  readonly surprises: readonly string[]
}

export interface CrowdOptions {
  readonly system: System
  readonly random: Random
  readonly courses: readonly Course[]
  readonly orders: number
  readonly buyers: number
  readonly progress: (done: number) => void
}

export async function runCrowd({ system, random, courses, orders, buyers, progress }: CrowdOptions): Promise<Crowd> {
  const staff = system.client()
  await persist(
    () => staff.login('admin', 'admin123456'),
    () => false,
  )
  const deeds: Record<string, number> = {}
  const surprises: string[] = []
  let begun = 0
  let done = 0
  const lives = Array.from({ length: buyers }, async () => {
    const draw = random.fork()
    const api = await register(system)
    const owned = new Set<number>()
    while (begun < orders) {
      begun += 1
      const script = draw.weighted(SCRIPTS)
      deeds[script] = (deeds[script] ?? 0) + 1
      const visit: Visit = { system, api, staff, draw, courses, owned, surprises }
      try {
        await PLAYS[script](visit)
      } catch (error) {
        surprises.push(`${script}: ${error instanceof Error ? error.message : String(error)}`)
      }
      done += 1
      progress(done)
    }
  })
  await Promise.all(lives)
  return { orders: done, deeds, surprises }
}

async function register(system: System): Promise<ShopApi> {
  const api = system.client()
  const username = `p${randomUUID().slice(0, 13)}`
  const body = { username, password: 'a long password' }
  const { body: answer } = await patiently<{ token?: string }>(api, 'POST', '/api/users', body)
  // Where the first answer was lost, the name is taken: by us.
  if (answer.token) api.token = answer.token
  else
    await persist(
      () => api.login(username, body.password),
      () => false,
    )
  return api
}

interface Visit {
  readonly system: System
  readonly api: ShopApi
  readonly staff: ShopApi
  readonly draw: Random
  readonly courses: readonly Course[]
  /** Bought or begun, so that the next order is for others. */
  readonly owned: Set<number>
  readonly surprises: string[]
}

const yuan = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`

function choose({ draw, courses, owned }: Visit): Course[] {
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

function place({ api }: Visit, courses: readonly Course[], key = randomUUID()): Promise<Checkout | undefined> {
  const totalAmount = yuan(courses.reduce((sum, course) => sum + course.fen, 0))
  const body = { courseIds: courses.map((course) => course.id), totalAmount, payType: 'alipay' }
  return patiently<Checkout>(api, 'POST', '/api/orders', body, { 'idempotency-key': key }).then((answer) =>
    answer.status === 201 ? answer.body : undefined,
  )
}

/** Pays at the cashier; a refusal (paid already, closed, too late) is the buyer's answer. */
const payLink = ({ system }: Visit, link: Checkout | undefined): Promise<{ returnUrl: string | null } | undefined> =>
  link
    ? persist(
        () => system.sandbox.pay(link.payUrl),
        (message) => / 4\d\d /.test(message),
      )
    : Promise.resolve(undefined)

const again = async ({ api }: Visit, orderNo: string): Promise<Checkout | undefined> => {
  const answer = await patiently<Checkout>(api, 'POST', `/api/orders/${orderNo}/payment`, undefined, {
    'idempotency-key': randomUUID(),
  })
  return answer.status === 200 ? answer.body : undefined
}

const comeBack = async ({ api }: Visit, returnUrl: string | null | undefined): Promise<void> => {
  if (!returnUrl) return
  const parameters = Object.fromEntries(new URL(returnUrl).searchParams)
  await patiently(api, 'POST', '/api/payments/alipay/return', parameters)
}

const look = async ({ api }: Visit, orderNo: string): Promise<Order> =>
  (await patiently<Order>(api, 'GET', `/api/orders/${orderNo}`)).body

const cancel = ({ api }: Visit, orderNo: string) => patiently(api, 'POST', `/api/orders/${orderNo}/cancel`)

/** An order that is paid, as far as its buyer can see; undefined where that takes too long. */
async function buy(visit: Visit): Promise<{ orderNo: string; order: Order } | undefined> {
  const link = await place(visit, choose(visit))
  if (!link) return undefined
  await comeBack(visit, (await payLink(visit, link))?.returnUrl)
  for (let tries = 0; tries < 20; tries += 1) {
    const order = await look(visit, link.orderNo)
    if (order.status !== 'unpaid') return order.status === 'paid' ? { orderNo: link.orderNo, order } : undefined
    await pause(500)
  }
  return undefined
}

const refundByStaff = async ({ staff }: Visit, orderNo: string, lines: { courseId: number; amount?: string }[]) => {
  const preview = await patiently<{ amount: string }>(staff, 'POST', `/api/admin/orders/${orderNo}/refunds/preview`, {
    lines,
  })
  if (preview.status !== 200) return
  const body = { lines, amount: preview.body.amount, reason: 'proof' }
  await patiently(staff, 'POST', `/api/admin/orders/${orderNo}/refunds`, body, { 'idempotency-key': randomUUID() })
}

const someLines = ({ draw }: Visit, order: Order) =>
  order.lines.filter((_, index) => index === 0 || draw.chance(50)).map(({ courseId }) => ({ courseId }))

const askForRefund = async (visit: Visit): Promise<{ orderNo: string; requestNo: string } | undefined> => {
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

const PLAYS: Readonly<Record<Script, (visit: Visit) => Promise<unknown>>> = {
  'pays and comes back': async (visit) => {
    const link = await place(visit, choose(visit))
    await comeBack(visit, (await payLink(visit, link))?.returnUrl)
  },
  'pays and closes the tab': async (visit) => payLink(visit, await place(visit, choose(visit))),
  'presses buy twice': async (visit) => {
    const [courses, key] = [choose(visit), randomUUID()]
    const links = await Promise.all([place(visit, courses, key), place(visit, courses, key), place(visit, courses)])
    await Promise.all(links.map((link) => payLink(visit, link)))
  },
  'pays twice, over two links': async (visit) => {
    const first = await place(visit, choose(visit))
    if (!first) return
    const second = await again(visit, first.orderNo)
    await Promise.all([payLink(visit, first), payLink(visit, second)])
  },
  'pays an old link': async (visit) => {
    const first = await place(visit, choose(visit))
    if (!first) return
    await again(visit, first.orderNo)
    await comeBack(visit, (await payLink(visit, first))?.returnUrl)
  },
  'pays, then cancels': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    await Promise.all([payLink(visit, link), cancel(visit, link.orderNo)])
  },
  'cancels, then pays': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    await cancel(visit, link.orderNo)
    await payLink(visit, link)
  },
  abandons: (visit) => place(visit, choose(visit)),
  'abandons at the cashier': async (visit) => {
    const link = await place(visit, choose(visit))
    // A buyer without money gets as far as the password: from then on the trade waits there.
    const broke = { payUrl: link?.payUrl, buyer: 'poor@sandbox.example' }
    await persist(
      () => visit.system.sandbox.send('POST', '/pay', broke),
      (message) => / 4\d\d /.test(message),
    )
  },
  'pays after the order has expired': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    // The shop's clock runs ahead of the gateway's: here the order has ended, there its link has not.
    const ahead = `update orders set expires_at = now() - interval '2 minutes' where order_no = $1 and status = 'unpaid'`
    await persist(
      () => visit.system.sql(ahead, [link.orderNo]),
      () => false,
    )
    for (let tries = 0; tries < 120 && (await look(visit, link.orderNo)).status === 'unpaid'; tries += 1)
      await pause(700)
    await payLink(visit, link)
  },
  'pays and refreshes all the time': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    const back = payLink(visit, link)
    await Promise.all([look(visit, link.orderNo), look(visit, link.orderNo), back])
    const { returnUrl } = (await back) ?? {}
    await Promise.all([comeBack(visit, returnUrl), comeBack(visit, returnUrl), look(visit, link.orderNo)])
    await comeBack(visit, returnUrl)
  },
  'asks for a refund': async (visit) => {
    const asked = await askForRefund(visit)
    if (!asked) return
    const decision = visit.draw.chance(75) ? 'approve' : 'decline'
    const { staff } = visit
    await Promise.all([
      patiently(staff, 'POST', `/api/admin/refunds/${asked.requestNo}/${decision}`, { answer: 'proof' }),
      patiently(staff, 'POST', `/api/admin/refunds/${asked.requestNo}/${decision}`, { answer: 'proof' }),
    ])
  },
  'asks for a refund and withdraws': async (visit) => {
    const asked = await askForRefund(visit)
    if (!asked) return
    const { orderNo, requestNo } = asked
    await Promise.all([
      patiently(visit.api, 'POST', `/api/orders/${orderNo}/refunds/${requestNo}/withdraw`),
      visit.draw.chance(50) ? patiently(visit.staff, 'POST', `/api/admin/refunds/${requestNo}/approve`, {}) : undefined,
    ])
  },
  'gets a refund from staff': async (visit) => {
    const bought = await buy(visit)
    if (bought) await refundByStaff(visit, bought.orderNo, someLines(visit, bought.order))
  },
  'gets a part back from staff': async (visit) => {
    const bought = await buy(visit)
    const line = bought?.order.lines[0]
    if (!bought || !line) return
    const part = { courseId: line.courseId, amount: '0.01' }
    await Promise.all([
      refundByStaff(visit, bought.orderNo, [part]),
      refundByStaff(visit, bought.orderNo, [{ courseId: line.courseId }]),
    ])
  },
  'buys the same course in two orders': async (visit) => {
    const courses = choose(visit)
    const more = choose(visit)
    const [one, two] = await Promise.all([place(visit, courses), place(visit, [...courses, ...more])])
    await Promise.all([payLink(visit, one), payLink(visit, two)])
  },
}
