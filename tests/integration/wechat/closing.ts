/** Closing, refunds, and notifications that are not genuine. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { order, read, refund, scan, staff, status, system, tradeOf } from './rig.ts'

test('cancelling closes at the gateway first; an order paid meanwhile is paid', async () => {
  const buyer = await system.buyer()
  const one = await order(buyer, 'wechat')
  expect((await buyer.call('POST', `/api/orders/${one.orderNo}/cancel`)).status).toBe(200)
  expect((await tradeOf(one.orderNo))?.state).toBe('CLOSED')

  const two = await order(buyer, 'wechat')
  await system.sandbox.notifications(false)
  await scan(two.codeUrl)
  await system.sandbox.notifications(true)
  expect((await buyer.call('POST', `/api/orders/${two.orderNo}/cancel`)).status).toBe(409)
  expect((await read(buyer, two.orderNo)).status).toBe('paid')
})

/** Lets the wait between two refunds of one payment pass, at the gateway and in the shop. */
async function aMinutePasses(): Promise<void> {
  await system.sandbox.send('POST', '/clock', { advanceSeconds: 62 })
  await system.sql("update refunds set sent_at = sent_at - interval '62 seconds'")
}

test('a refund is accepted first and made later; closed at the gateway it is refused, and sent again with a new number', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  await scan(codeUrl)
  await expect.poll(status(buyer, orderNo)).toBe('paid')
  await refund(orderNo, '10.00', [{ courseId: 1, amount: '10.00' }])
  await expect
    .poll(async () => (await read(buyer, orderNo)).refunds[0]?.status, { timeout: 10_000 })
    .toMatch(/approved|sent/)
  await expect.poll(async () => (await read(buyer, orderNo)).refunds[0]?.status, { timeout: 40_000 }).toBe('succeeded')
  expect(await tradeOf(orderNo)).toMatchObject({ refundedAmount: '10.00', state: 'REFUND' })

  await aMinutePasses()
  await refund(orderNo, '29.00', [{ courseId: 1 }])
  const number = async () => (await tradeOf(orderNo))?.refunds[1]?.outRefundNo
  await expect.poll(number, { timeout: 40_000 }).toBeTruthy()
  const closed = await number()
  await system.sandbox.send('POST', `/wechat/refunds/${closed}/end`, { mchId: '1900000001', status: 'CLOSED' })
  await expect.poll(async () => (await read(buyer, orderNo)).refunds[1]?.status, { timeout: 40_000 }).toBe('refused')
  await aMinutePasses()
  const again = await staff.call(
    'POST',
    `/api/admin/refunds/${closed}/send-again`,
    {},
    { 'idempotency-key': randomUUID() },
  )
  expect(again.status).toBe(200)
  await expect.poll(status(buyer, orderNo), { timeout: 30_000 }).toBe('refunded')
  const made = (await tradeOf(orderNo))?.refunds.map((each) => each.status)
  expect(made).toEqual(['SUCCESS', 'CLOSED', 'SUCCESS'])
})

test('probes, false claims and undecryptable notifications are refused and stored; the genuine one that follows is accepted', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  await system.sandbox.notifications(false)
  await scan(codeUrl)
  await system.sandbox.notifications(true)
  const { items } = await system.sandbox.get<{ items: { id: number }[] }>(`/wechat/deliveries?outTradeNo=${orderNo}`)
  const replay = (tamper?: string) =>
    system.sandbox.send<{ responseStatus: number; acknowledged: boolean }>(
      'POST',
      `/wechat/deliveries/${items[0]?.id}/replay`,
      tamper ? { tamper } : {},
    )
  const lies = ['wrong-amount', 'wrong-app-id', 'wrong-seller-id', 'wrong-key']
  for (const tamper of ['probe', 'corrupt-sign', 'stale', 'wrong-serial', 'wrong-body', ...lies]) {
    expect(await replay(tamper), tamper).toMatchObject({ responseStatus: 400, acknowledged: false })
  }
  expect(await status(buyer, orderNo)()).toBe('unpaid')
  expect(await replay()).toMatchObject({ responseStatus: 204, acknowledged: true })
  expect(await status(buyer, orderNo)()).toBe('paid')
  expect(await replay()).toMatchObject({ responseStatus: 204 })
  const rows = await system.sql<{ accepted: boolean }>(
    'select accepted from notifications where provider = $1 and received_at > now() - $2::interval order by id desc limit 11',
    ['wechat', '1 minute'],
  )
  expect(rows.map(({ accepted }) => accepted)).toEqual([true, true, ...Array.from({ length: 9 }, () => false)])
})

test('a stored notification is validated by its time of receipt, however much later it is replayed', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  await system.sandbox.notifications(false)
  await scan(codeUrl)
  await system.sandbox.notifications(true)
  const { items } = await system.sandbox.get<{ items: { id: number }[] }>(`/wechat/deliveries?outTradeNo=${orderNo}`)
  // Signed ten minutes ago, it comes too late.
  const path = `/wechat/deliveries/${items[0]?.id}/replay`
  expect(await system.sandbox.send('POST', path, { tamper: 'stale' })).toMatchObject({ responseStatus: 400 })
  const [row] = await system.sql<{ id: string }>(
    `select id from notifications where provider = 'wechat' order by id desc limit 1`,
  )
  const handle = async () => {
    const handled = await staff.call('POST', `/api/admin/notifications/${row?.id}/replay`, {})
    expect(handled.status, JSON.stringify(handled.body)).toBe(200)
    const [last] = await system.sql<{ accepted: boolean }>(
      'select accepted from notification_handlings where notification_id = $1 order by at desc limit 1',
      [row?.id],
    )
    return last
  }
  expect(await handle()).toMatchObject({ accepted: false })
  expect(await status(buyer, orderNo)()).toBe('unpaid')
  // Received when it was signed, it is genuine, ten minutes later as well.
  await system.sql(`update notifications set received_at = received_at - interval '10 minutes' where id = $1`, [
    row?.id,
  ])
  expect(await handle()).toMatchObject({ accepted: true })
  expect(await status(buyer, orderNo)()).toBe('paid')
})
