/** What a proof protects: payment keys, and refunds above the limit. */
import { expect, test } from 'vitest'
import { paidOrder } from '../../browser/back-office.ts'
import { age, ago, member, owner, prove, system } from './rig.ts'

test.each([
  ['alipay', 'ALIPAY_GATEWAY', '/gateway.do'],
  ['wechat', 'WECHATPAY_BASE_URL', ''],
])(
  'the gateway of %s is https, loopback aside: anything else is refused at its field, insisting or not',
  async (provider, field, path) => {
    interface Refused {
      readonly errors?: { field: string; message: string }[]
    }
    await prove(owner, { password: 'admin123456' })
    const said = async (address: string) => {
      const body = { values: { [field]: address + path }, despite: true }
      const answer = await owner.call<Refused>('POST', `/api/admin/payment-settings/${provider}`, body)
      expect(answer.status).toBe(422)
      return answer.body.errors?.find((each) => each.field === field)?.message
    }
    for (const bad of [
      'http://openapi.alipay.com',
      'http://127.0.0.1.evil.example',
      'http://127.0.0.1@evil.example',
      'http://localhost:80@evil.example',
      'http://localhost.evil.example',
      'http://192.168.1.5:8100',
      'ftp://openapi.alipay.com',
      'https://user@evil.example',
    ]) {
      expect([bad, await said(bad)]).toEqual([bad, expect.stringContaining('https')])
    }
    for (const good of [
      'https://openapi.alipay.com',
      'http://127.0.0.1:8100',
      'http://[::1]:8100',
      'http://localhost',
    ]) {
      expect([good, await said(good)]).toEqual([good, undefined])
    }
  },
)

test('small refunds need no proof; a large one, or many small ones together, do, and owners are notified of large ones', async () => {
  await prove(owner, { password: 'admin123456' })
  const limit = { refundLimit: '50.00', factorRoles: [] }
  expect((await owner.call('PUT', '/api/admin/security-settings', limit)).status).toBe(200)
  const finance = await member('pays-back', 'finance')
  const refund = async (amount: string) => {
    const { orderNo } = await paidOrder(system, [1], '39.00')
    const body = { lines: [{ courseId: 1, amount }], amount, reason: 'because' }
    return { orderNo, ...(await finance.call('POST', `/api/admin/orders/${orderNo}/refunds`, body)) }
  }
  expect((await refund('39.00')).status).toBe(201) // fresh
  await age('pays-back', `proved_at = ${ago('11 minutes')}`)
  await system.sql("update refunds set requested_at = now() - interval '1 hour'")
  expect((await refund('30.00')).status).toBe(201)
  const over = await refund('30.00')
  expect(over).toMatchObject({ status: 403, body: { code: 'PROOF_REQUIRED' } })
  const kept = await system.sql(
    'select 1 from refunds r join orders o on o.id = r.order_id where o.order_no = $1 union all select 1 from audit_log where subject = $2',
    [over.orderNo, `orders/${over.orderNo}`],
  )
  expect(kept).toEqual([])

  // Concurrently: each counts the earlier ones.
  await age('pays-back', `proved_at = ${ago('11 minutes')}`)
  await system.sql("update refunds set requested_at = now() - interval '1 hour'")
  const together = await Promise.all(Array.from({ length: 4 }, () => refund('30.00')))
  expect(together.map(({ status }) => status).sort()).toEqual([201, 403, 403, 403])

  // Approving a buyer's request is a refund as well; declining is not.
  const bought = await paidOrder(system, [1, 2], '88.00')
  const ask = () =>
    bought.buyer.call('POST', `/api/orders/${bought.orderNo}/refunds`, { courseIds: [1, 2], reason: 'because' })
  const asked = async () => {
    expect((await ask()).status).toBe(201)
    const [row] = await system.sql<{ request_no: string }>(
      "select request_no from refunds where status = 'requested' order by id desc limit 1",
    )
    return `/api/admin/refunds/${row?.request_no}`
  }
  const first = await asked()
  expect(await finance.call('POST', `${first}/approve`, {})).toMatchObject({ body: { code: 'PROOF_REQUIRED' } })
  expect((await finance.call('POST', `${first}/decline`, { answer: 'no' })).status).toBe(200)
  const second = await asked()
  await prove(finance, { password: 'a long password' })
  expect((await finance.call('POST', `${second}/approve`, {})).status).toBe(200)
  const lines = await system.sql<{ sensitive: boolean }>('select sensitive from audit_log where subject = $1', [
    second.replace('/api/admin/', ''),
  ])
  expect(lines).toEqual([{ sensitive: true }])
})
