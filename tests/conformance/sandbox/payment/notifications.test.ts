/** The official Node SDK against the sandbox: notifications and their schedule. */
import { expect, test } from 'vitest'
import { call, eventually, type Json } from '../rig.ts'
import { heard, payLink, sandbox, setup, shop } from './rig.ts'

test('a notification that is not acknowledged comes again by the schedule as the clock moves: eight attempts, one notify_id', async () => {
  shop.answer = { status: 200, body: 'fail' }
  await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('RETRY-1') })
  await eventually(() => heard('RETRY-1')).toHaveLength(1)
  await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 25 * 3600 })
  shop.answer = { status: 200, body: 'success' }
  const bodies = heard('RETRY-1')
  expect(bodies).toHaveLength(8)
  expect(new Set(bodies.map((body) => body['notify_id'])).size).toBe(1)
  expect(new Set(bodies.map((body) => body['sign'])).size).toBe(8)
  const times = bodies.map((body) => Date.parse(`${body['notify_time']?.replace(' ', 'T')}+08:00`) / 60_000)
  const minutes = times.map((time) => Math.round(time - (times[0] ?? 0)))
  expect(minutes).toEqual([0, 4, 14, 24, 84, 204, 564, 1464])
  const { items } = await call<{ items: Json[] }>(sandbox.url, 'GET', '/deliveries?outTradeNo=RETRY-1')
  expect(items[0]).toMatchObject({ state: 'exhausted', nextAt: null })
  const replayed = await call(sandbox.url, 'POST', `/deliveries/${items[0]?.['id']}/replay`)
  expect(replayed).toMatchObject({ acknowledged: true })
})

test.each([
  ['a redirect', { status: 302, body: '', headers: { location: '/elsewhere' } }, false],
  ['quotes', { status: 200, body: '"success"' }, false],
  ['capitals', { status: 200, body: 'SUCCESS' }, false],
  ['created', { status: 201, body: 'success' }, false],
  ['a line end after it', { status: 200, body: 'success\r\n' }, true],
])('answered with %s', async (name, answer, good) => {
  shop.answer = answer
  const number = `ANSWER-${name.replaceAll(' ', '_')}`
  await call(sandbox.url, 'POST', '/pay', { payUrl: payLink(number) })
  await eventually(async () => {
    const { items } = await call<{ items: Json[] }>(sandbox.url, 'GET', `/deliveries?outTradeNo=${number}`)
    return items[0]
  }).toMatchObject({ state: good ? 'delivered' : 'pending', attempts: [{ acknowledged: good }] })
  shop.answer = { status: 200, body: 'success' }
})

test('a partial refund is notified; a full one only if the merchant’s rules say so', async () => {
  const { appId } = setup.merchant
  const told = async (number: string, refunds: readonly Json[]) => {
    const { trade } = await call<{ trade: { tradeNo: string } }>(sandbox.url, 'POST', '/pay', {
      payUrl: payLink(number),
    })
    for (const refund of refunds) await call(sandbox.url, 'POST', `/trades/${trade.tradeNo}/refund`, refund)
    const { items } = await call<{ items: { event: string }[] }>(sandbox.url, 'GET', `/deliveries?outTradeNo=${number}`)
    return items.map(({ event }) => event).toReversed()
  }
  const parts = [
    { amount: '1.00', outRequestNo: 'R1' },
    { amount: '38.00', outRequestNo: 'R2' },
  ]
  expect(await told('TOLD-1', parts)).toEqual(['TRADE_SUCCESS', 'REFUND'])
  expect(await told('TOLD-2', [{}])).toEqual(['TRADE_SUCCESS'])
  await call(sandbox.url, 'PUT', `/merchants/${appId}`, { rules: { notifyOnClose: true } })
  expect(await told('TOLD-3', parts)).toEqual(['TRADE_SUCCESS', 'REFUND', 'REFUND'])
  expect(await told('TOLD-4', [{}])).toEqual(['TRADE_SUCCESS', 'REFUND'])
  await call(sandbox.url, 'PUT', `/merchants/${appId}`, { rules: { notifyOnClose: false } })
})

test('the switch stops notifications and records them as dropped', async () => {
  await call(sandbox.url, 'PUT', '/notifications', { enabled: false })
  await call(sandbox.url, 'POST', '/pay', { payUrl: payLink('OFF-1') })
  await eventually(() =>
    call<{ items: Json[] }>(sandbox.url, 'GET', '/deliveries?outTradeNo=OFF-1').then(({ items }) => items[0]),
  ).toMatchObject({ state: 'dropped', attempts: [] })
  await call(sandbox.url, 'PUT', '/notifications', { enabled: true })
  expect(heard('OFF-1')).toEqual([])
})
