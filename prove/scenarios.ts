/** What buyers do with an order: mostly the right thing, and everything else as well. */
import { randomBytes, randomUUID } from 'node:crypto'
import { patiently, pause, persist } from './client.ts'
import {
  again,
  buy,
  type Checkout,
  cancel,
  choose,
  comeBack,
  look,
  other,
  payLink,
  place,
  refundByStaff,
  requestRefund,
  someLines,
  type Visit,
} from './visit.ts'

/** The scenarios, with their frequency per hundred orders. */
export const SCENARIO_WEIGHTS = {
  'pays and comes back': 26,
  'pays and closes the tab': 12,
  'pays, and every notification is lost': 5,
  'is notified again and again': 3,
  'forges a notification': 3,
  'presses buy twice': 6,
  'pays twice, over two links': 6,
  'switches the method and pays by both': 6,
  'switches the method back and forth': 4,
  'pays an old link': 5,
  'pays, then cancels': 4,
  'cancels, then pays': 5,
  abandons: 8,
  'abandons at the cashier': 3,
  'waits at the cashier, then cancels': 3,
  'pays after the order has expired': 4,
  'pays and refreshes all the time': 3,
  'asks for a refund': 6,
  'asks for a refund and withdraws': 2,
  'gets a refund from staff': 5,
  'gets a partial refund from staff': 3,
  'buys the same course in two orders': 4,
} as const

export type Scenario = keyof typeof SCENARIO_WEIGHTS

/** All notifications about this number are lost for good: only queries are left. */
const silence = ({ system }: Visit, outTradeNo: string) =>
  persist(() => system.sandbox.send('POST', '/faults', { kind: 'drop', scope: { outTradeNo } }))

/** A buyer without money gets as far as the password: from then on an unpaid trade exists. */
const failToPay = (visit: Visit, link: Checkout) => payLink(visit, link, 'poor@sandbox.example')

/** Runs the queue's expiry job, due every minute, at once. */
const EXPIRE_NOW = `select graphile_worker.add_job('expire-orders', job_key => 'expire-now', max_attempts => 1)`

/** Long enough that the shop must see the trade when it queries (`check-times.ts`). */
const AT_THE_CASHIER_MS = 7000

/** Everything about it is right except the signature. @returns the shop's answer */
async function forge({ system, merchant }: Visit, link: { orderNo: string; totalAmount: string }): Promise<number> {
  const body = new URLSearchParams({
    notify_type: 'trade_status_sync',
    notify_id: randomUUID().replaceAll('-', ''),
    notify_time: '2026-01-01 12:00:01',
    app_id: merchant.appId,
    seller_id: merchant.sellerId,
    charset: 'utf-8',
    version: '1.0',
    out_trade_no: link.orderNo,
    trade_no: `2099${link.orderNo.replace(/\D/g, '').padEnd(24, '0').slice(0, 24)}`,
    trade_status: 'TRADE_SUCCESS',
    total_amount: link.totalAmount,
    gmt_payment: '2026-01-01 12:00:00',
    sign_type: 'RSA2',
    sign: randomBytes(256).toString('base64'),
  })
  const answer = await persist(async () => {
    const { status } = await fetch(`${system.shopUrl}/api/payments/alipay/notify`, { method: 'POST', body })
    if (status >= 500) throw new Error(`notify: ${status}`)
    return status
  })
  return answer ?? 0
}

/** A complete envelope, encrypted with a key that is not the merchant's, with an invalid signature. */
async function forgeSealed({ system }: Visit, link: { orderNo: string }): Promise<number> {
  const resource = { algorithm: 'AEAD_AES_256_GCM', associated_data: 'transaction', nonce: 'AbCdEf123456' }
  const body = JSON.stringify({
    id: randomUUID(),
    create_time: new Date().toISOString(),
    resource_type: 'encrypt-resource',
    event_type: 'TRANSACTION.SUCCESS',
    summary: link.orderNo,
    resource: { ...resource, original_type: 'transaction', ciphertext: randomBytes(400).toString('base64') },
  })
  const headers = {
    'content-type': 'application/json',
    'wechatpay-timestamp': String(Math.floor(Date.now() / 1000)),
    'wechatpay-nonce': randomBytes(16).toString('hex'),
    'wechatpay-serial': await serialOf(system),
    'wechatpay-signature': randomBytes(256).toString('base64'),
  }
  const answer = await persist(async () => {
    const { status } = await fetch(`${system.shopUrl}/api/payments/wechat/notify`, { method: 'POST', body, headers })
    if (status >= 500) throw new Error(`notify: ${status}`)
    return status
  })
  return answer ?? 0
}

/** The name of the key that the shop would trust. */
const serialOf = async (system: Visit['system']): Promise<string> =>
  (await persist(() => system.sandbox.get<{ items: { publicKeyId: string }[] }>('/wechat/merchants')))?.items[0]
    ?.publicKeyId ?? ''

export const SCENARIOS: Readonly<Record<Scenario, (visit: Visit) => Promise<unknown>>> = {
  'pays and comes back': async (visit) => {
    const link = await place(visit, choose(visit))
    await comeBack(visit, await payLink(visit, link))
  },
  'pays and closes the tab': async (visit) => payLink(visit, await place(visit, choose(visit))),
  'pays, and every notification is lost': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    await silence(visit, link.orderNo)
    await payLink(visit, link)
  },
  'is notified again and again': async (visit) => {
    const { system, draw } = visit
    const link = await place(visit, choose(visit))
    if (!link || !(await payLink(visit, link))) return
    const deliveries = link.payType === 'wechat' ? '/wechat/deliveries' : '/deliveries'
    const path = `${deliveries}?outTradeNo=${link.orderNo}`
    const found = await persist(() => system.sandbox.get<{ items: { id: number }[] }>(path))
    for (const { id } of found?.items ?? []) {
      const tamper = draw.pick(['', '', 'wrong-amount', 'wrong-app-id', 'wrong-seller-id'])
      await persist(() => system.sandbox.send('POST', `${deliveries}/${id}/replay`, tamper ? { tamper } : {}))
    }
  },
  'forges a notification': async (visit) => {
    const link = await place(visit, choose(visit))
    const forged = link && (await (link.payType === 'wechat' ? forgeSealed : forge)(visit, link))
    if (forged === 200 || forged === 204) visit.surprises.push(`${link?.orderNo}: a forged notification was accepted`)
  },
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
  'switches the method and pays by both': async (visit) => {
    const first = await place(visit, choose(visit))
    if (!first) return
    const second = await again(visit, first.orderNo, other(first.payType))
    await Promise.all([payLink(visit, first), payLink(visit, second)])
  },
  'switches the method back and forth': async (visit) => {
    const first = await place(visit, choose(visit))
    if (!first) return
    const second = await again(visit, first.orderNo, other(first.payType))
    const third = await again(visit, first.orderNo, first.payType)
    const links = [first, second, third].filter((link) => link !== undefined)
    const paid = await payLink(visit, visit.draw.pick(links))
    if (visit.draw.chance(50)) await comeBack(visit, paid)
  },
  'pays an old link': async (visit) => {
    const first = await place(visit, choose(visit))
    if (!first) return
    await again(visit, first.orderNo)
    const silent = visit.draw.chance(50)
    if (silent) await silence(visit, first.orderNo)
    const paid = await payLink(visit, first)
    if (!silent) await comeBack(visit, paid)
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
    if (link) await failToPay(visit, link)
  },
  'waits at the cashier, then cancels': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    await failToPay(visit, link)
    await pause(AT_THE_CASHIER_MS)
    await cancel(visit, link.orderNo)
  },
  'pays after the order has expired': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    // The shop's clock runs ahead of the gateway's: the order has expired in the shop, but not its link at the gateway.
    const ahead = `update orders set expires_at = now() - interval '2 minutes' where order_no = $1 and status = 'unpaid'`
    await persist(() => visit.system.sql(ahead, [link.orderNo]))
    for (let tries = 0; tries < 60 && (await look(visit, link.orderNo)).status === 'unpaid'; tries += 1) {
      // The process that does it may be killed.
      if (tries % 10 === 0) await persist(() => visit.system.sql(EXPIRE_NOW))
      await pause(700)
    }
    await payLink(visit, link)
  },
  'pays and refreshes all the time': async (visit) => {
    const link = await place(visit, choose(visit))
    if (!link) return
    const back = payLink(visit, link)
    await Promise.all([look(visit, link.orderNo), look(visit, link.orderNo), back])
    const paid = await back
    await Promise.all([comeBack(visit, paid), comeBack(visit, paid), look(visit, link.orderNo)])
    await comeBack(visit, paid)
  },
  'asks for a refund': async (visit) => {
    const request = await requestRefund(visit)
    if (!request) return
    const decision = visit.draw.chance(75) ? 'approve' : 'decline'
    const { staff } = visit
    await Promise.all([
      patiently(staff, 'POST', `/api/admin/refunds/${request.requestNo}/${decision}`, { answer: 'proof' }),
      patiently(staff, 'POST', `/api/admin/refunds/${request.requestNo}/${decision}`, { answer: 'proof' }),
    ])
  },
  'asks for a refund and withdraws': async (visit) => {
    const request = await requestRefund(visit)
    if (!request) return
    const { orderNo, requestNo } = request
    await Promise.all([
      patiently(visit.api, 'POST', `/api/orders/${orderNo}/refunds/${requestNo}/withdraw`),
      visit.draw.chance(50) ? patiently(visit.staff, 'POST', `/api/admin/refunds/${requestNo}/approve`, {}) : undefined,
    ])
  },
  'gets a refund from staff': async (visit) => {
    const bought = await buy(visit)
    if (bought) await refundByStaff(visit, bought.orderNo, someLines(visit, bought.order))
  },
  'gets a partial refund from staff': async (visit) => {
    const bought = await buy(visit)
    const line = bought?.order.lines[0]
    if (!bought || !line) return
    const [part, key] = [{ courseId: line.courseId, amount: '0.01' }, randomUUID()]
    const [one, two] = await Promise.all([
      refundByStaff(visit, bought.orderNo, [part], key),
      refundByStaff(visit, bought.orderNo, [part], key),
      refundByStaff(visit, bought.orderNo, [{ courseId: line.courseId }]),
    ])
    if (one && two && one !== two) visit.surprises.push(`${bought.orderNo}: one key, the refunds ${one} and ${two}`)
  },
  'buys the same course in two orders': async (visit) => {
    const courses = choose(visit)
    const more = choose(visit)
    const [one, two] = await Promise.all([place(visit, courses), place(visit, [...courses, ...more])])
    await Promise.all([payLink(visit, one), payLink(visit, two)])
  },
}
