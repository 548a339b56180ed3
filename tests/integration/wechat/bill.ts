/** A day and its bill; the conformance kit. */
import { randomUUID } from 'node:crypto'
import { checkShop } from '@xuecheng/sandbox'
import { expect, test } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { order, refund, scan, staff, status, system, tradeOf } from './rig.ts'

test('a day of WeChat Pay agrees with its bill, fees and refunds included; a stuck manual refund is not forgotten', async () => {
  const merchants = await system.sandbox.get<{ items: { mchId: string }[] }>('/wechat/merchants')
  expect(merchants.items.map(({ mchId }) => mchId)).toEqual(['1900000001'])
  const mchId = '1900000001'
  const paid = async (buyer: ShopApi) => {
    const { orderNo, codeUrl } = await order(buyer, 'wechat')
    await scan(codeUrl)
    await expect.poll(status(buyer, orderNo)).toBe('paid')
    return orderNo
  }
  const end = (number: string, how: string) =>
    system.sandbox.send('POST', `/wechat/refunds/${number}/end`, { mchId, status: how })
  // The payers' cards are closed when the bill is made: one refund is ours, the other was made in WeChat's console.
  const buyer = await system.buyer()
  const byHand = await paid(buyer)
  await system.sandbox.send('POST', `/wechat/trades/${byHand}/refund`, { mchId, outRefundNo: 'STUCK-1' })
  await end('STUCK-1', 'ABNORMAL')
  await system.sandbox.send('POST', '/faults', { kind: 'refund-abnormal' })
  const ours = await paid(await system.buyer())
  await refund(ours, '5.00', [{ courseId: 1, amount: '5.00' }])
  await expect.poll(async () => (await tradeOf(ours))?.refunds[0]?.status, { timeout: 20_000 }).toBe('ABNORMAL')
  await system.sandbox.send('DELETE', '/faults')

  const now = await system.sandbox.get<{ now: string }>('/clock')
  const day = now.now.slice(0, 10)
  await system.sandbox.nextMorning()
  const made = await staff.call('POST', '/api/admin/reconciliations', { provider: 'wechat', day })
  expect(made.status, JSON.stringify(made.body)).toBe(202)
  const read = async () =>
    (
      await staff.call<{
        reconciliation: { status: string; openDifferences: number; trades: number }
        differences: { id: number; kind: string; requestNo: string }[]
      }>('GET', `/api/admin/reconciliations/wechat/${day}`)
    ).body
  await expect.poll(async () => (await read()).reconciliation.status, { timeout: 30_000 }).toBe('done')
  const { reconciliation, differences } = await read()
  expect(reconciliation.trades).toBeGreaterThan(4)
  expect(differences).toMatchObject([{ kind: 'REFUND_MISSING_HERE', requestNo: 'STUCK-1' }])
  // Ours is pending and stores its bill: whenever it is made, no later bill contains it.
  expect(
    await system.sql(
      `select refunds.billed_on, refunds.status from refunds join payment_attempts a on a.id = refunds.attempt_id
       where a.attempt_no = $1`,
      [ours],
    ),
  ).toMatchObject([{ billed_on: day, status: 'sent' }])

  const record = async () => {
    const body = { repair: 'record', note: 'made in the console' }
    const said = await staff.call<{ code?: string }>(
      'POST',
      `/api/admin/differences/${differences[0]?.id}/repair`,
      body,
      { 'idempotency-key': randomUUID() },
    )
    return said.body.code ?? said.status
  }
  expect(await record()).toBe('REFUND_UNDER_WAY')
  expect(await status(buyer, byHand)()).toBe('paid')
  await end('STUCK-1', 'SUCCESS')
  expect(await record()).toBe(200)
  expect(await status(buyer, byHand)()).toBe('refunded')
  expect((await read()).reconciliation).toMatchObject({ openDifferences: 0 })
})

// The last one, since it moves the sandbox's clock by a day.
test('the conformance kit for WeChat Pay finds no fault with this shop', async () => {
  const report = await checkShop(`${system.shopUrl}/api/payments/wechat/notify`, {
    sandbox: system.sandboxUrl,
    recipe: {
      order: async () => (await order(await system.buyer(), 'wechat')).codeUrl ?? '',
      isPaid: async (orderNo) => {
        const [row] = await system.sql<{ status: string }>('select status from orders where order_no = $1', [orderNo])
        return row?.status === 'paid'
      },
    },
  })
  expect(report.results.filter(({ passed }) => !passed)).toEqual([])
  expect(report.passed).toBe(17)
})
