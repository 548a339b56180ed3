/** Refusals for the state of a trade or refund, and those that a fault causes, by WeChat Pay’s tables. */
import { createPublicKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { morningAfter } from '../../../harness/sandbox-api.ts'
import { call, type Json } from '../rig.ts'
import { orderOf, sendByHand, type WechatMerchant, wechatMerchant } from '../wechat-rig.ts'
import { merchant, NOTIFY, order, query, REFUNDS, sandbox, send } from './rig.ts'

const refund = (no: string, change: Json = {}, amount: Json = {}) =>
  send({
    method: 'POST',
    path: REFUNDS,
    body: {
      out_trade_no: no,
      out_refund_no: `${no}-R`,
      amount: { refund: 100, total: 3900, currency: 'CNY', ...amount },
      ...change,
    },
  })

async function paid(no: string): Promise<void> {
  const { json } = await order(no)
  await call(sandbox.url, 'POST', '/wechat/pay', { codeUrl: json['code_url'] })
}

describe('state of a trade or refund', () => {
  test('a number that never was; one of other terms; one that is paid', async () => {
    expect(await send({ method: 'GET', path: query('NONE-1') })).toMatchObject({
      status: 404,
      signed: true,
      json: { code: 'ORDER_NOT_EXIST', message: '订单不存在' },
    })
    const id = `/v3/pay/transactions/id/4200000000000000000000000000?mchid=${merchant.mchId}`
    expect(await send({ method: 'GET', path: id })).toMatchObject({ status: 404, json: { code: 'ORDER_NOT_EXIST' } })
    expect((await order('AGAIN-1')).status).toBe(200)
    const other = { amount: { total: 3901, currency: 'CNY' } }
    expect(await order('AGAIN-1', other)).toMatchObject({ status: 403, json: { code: 'OUT_TRADE_NO_USED' } })
    const scene_info = { payer_client_ip: '203.0.113.7', h5_info: { type: 'Wap' } }
    const body = orderOf(merchant, 'AGAIN-1', NOTIFY, { scene_info })
    expect(await send({ method: 'POST', path: '/v3/pay/transactions/h5', body })).toMatchObject({ status: 403 })
    for (const payer_client_ip of ['203.0.113.7:51234', 'unknown', '[2001:db8::1]']) {
      const wrong = { scene_info: { ...scene_info, payer_client_ip } }
      const refused = orderOf(merchant, 'AGAIN-3', NOTIFY, wrong)
      expect(await send({ method: 'POST', path: '/v3/pay/transactions/h5', body: refused })).toMatchObject({
        status: 400,
        json: { code: 'PARAM_ERROR', detail: { field: '/scene_info/payer_client_ip' } },
      })
    }
    await paid('AGAIN-2')
    expect(await order('AGAIN-2')).toMatchObject({ status: 400, json: { code: 'ORDERPAID' } })
  })

  test('another merchant sees nothing of it', async () => {
    await paid('OTHER-1')
    const other = await wechatMerchant(sandbox.url)
    const path = `/v3/pay/transactions/out-trade-no/OTHER-1?mchid=${other.mchId}`
    expect(await sendByHand(sandbox.url, other, { method: 'GET', path })).toMatchObject({ status: 404 })
    const body = { out_trade_no: 'OTHER-1', out_refund_no: 'X1', amount: { refund: 1, total: 3900, currency: 'CNY' } }
    const stolen = await sendByHand(sandbox.url, other, { method: 'POST', path: REFUNDS, body })
    expect(stolen).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } })
  })

  test('refunds: of nothing, of what is unpaid, too much, of another total, other terms, without currency, of no number', async () => {
    expect(await refund('NONE-1')).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } })
    await order('UNPAID-1')
    expect(await refund('UNPAID-1')).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } })
    await paid('BACK-1')
    expect(await refund('BACK-1', {}, { refund: 3901 })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', {}, { total: 3800 })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', {}, { currency: undefined })).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await refund('BACK-1', { mchid: merchant.mchId })).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await refund('BACK-1', { out_trade_no: undefined })).toMatchObject({
      status: 400,
      json: { code: 'PARAM_ERROR' },
    })
    expect(await refund('BACK-1')).toMatchObject({ status: 200, json: { status: 'PROCESSING' } })
    expect(await refund('BACK-1', {}, { refund: 200 })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', { reason: 'another' })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', { notify_url: NOTIFY })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1')).toMatchObject({ status: 200 })
    const parts = { from: [{ account: 'AVAILABLE', amount: 99 }] }
    expect(await refund('BACK-1', { out_refund_no: 'BACK-1-R3' }, parts)).toMatchObject({
      json: { code: 'PARAM_ERROR' },
    })
    expect(await refund('BACK-1', { out_refund_no: 'BACK-1-R2' }, { refund: 3801 })).toMatchObject({ status: 400 })
    expect(await send({ method: 'GET', path: `${REFUNDS}/NEVER` })).toMatchObject({
      status: 404,
      signed: true,
      json: { code: 'RESOURCE_NOT_EXISTS' },
    })
  })

  test('refunds by rule: a minute apart, fifty at most, within a year', async () => {
    const { mchId, appId, serialNo } = merchant
    const publicKey = publicKeyOf(merchant)
    const rules = (gap: number) =>
      call(sandbox.url, 'PUT', `/wechat/merchants/${mchId}`, {
        ...{ appId, serialNo, publicKey, apiV3Key: 'sandbox-0123456789-ABCDEFGHIJKLM' },
        rules: { refundGapSeconds: gap },
      })
    await paid('RULE-1')
    const part = (index: number) => refund('RULE-1', { out_refund_no: `RULE-1-${index}` }, { refund: 1 })
    expect((await part(1)).status).toBe(200)
    expect(await part(2)).toMatchObject({ status: 429, json: { code: 'FREQUENCY_LIMITED' } })
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 60 })
    expect((await part(2)).status).toBe(200)
    await rules(0)
    for (let index = 3; index <= 50; index++) expect((await part(index)).status).toBe(200)
    expect(await part(51)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
    await paid('RULE-2')
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 366 * 86_400 })
    expect(await refund('RULE-2')).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
  })

  test('bills: a day that is none, today, too long ago, a type that is none', async () => {
    const asked = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    const now = morningAfter(asked.now)
    await call(sandbox.url, 'POST', '/clock', { now })
    const bill = (search: string) => send({ method: 'GET', path: `/v3/bill/tradebill?${search}` })
    const today = new Date(Date.parse(now) + 8 * 3_600_000).toISOString().slice(0, 10)
    for (const day of ['2026-02-30', '20260101', today, '2020-01-01']) {
      expect(await bill(`bill_date=${day}`)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
    }
    const yesterday = new Date(Date.parse(now) - 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10)
    expect(await bill(`bill_date=${yesterday}&tar_type=ZIP`)).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await bill(`bill_date=${yesterday}&bill_type=NONE`)).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await bill(`bill_date=${yesterday}`)).toMatchObject({ status: 400, json: { code: 'NO_STATEMENT_EXIST' } })
    // A bill is available from ten o'clock of the next day; now it is half past ten.
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 23.5 * 3600 - 60 })
    expect(await bill(`bill_date=${today}`)).toMatchObject({ status: 400, json: { code: 'STATEMENT_CREATING' } })
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 60 })
    expect(await bill(`bill_date=${today}`)).toMatchObject({ status: 400, json: { code: 'NO_STATEMENT_EXIST' } })
  })
})

describe('caused by a fault', () => {
  test.each<[Json, number, string | undefined]>([
    [{ kind: 'business-error', subCode: 'NOT_ENOUGH' }, 403, 'NOT_ENOUGH'],
    [{ kind: 'business-error', subCode: 'RULE_LIMIT' }, 403, 'RULE_LIMIT'],
    [{ kind: 'business-error', subCode: 'USER_ACCOUNT_ABNORMAL' }, 403, 'USER_ACCOUNT_ABNORMAL'],
    [{ kind: 'business-error', subCode: 'TRADE_OVERDUE' }, 400, 'TRADE_OVERDUE'],
    [{ kind: 'business-error' }, 500, 'SYSTEM_ERROR'],
    [{ kind: 'system-error' }, 500, 'SYSTEM_ERROR'],
    [{ kind: 'unavailable' }, 429, 'FREQUENCY_LIMITED'],
    [{ kind: 'http-500' }, 500, undefined],
  ])('%o answers %d %s', async (fault, status, code) => {
    await call(sandbox.url, 'POST', '/faults', { ...fault, times: 1, scope: { outTradeNo: 'FAULT-1' } })
    const answer = await order('FAULT-1')
    expect([answer.status, answer.json.code, answer.signed]).toEqual([status, code, code !== undefined])
  })

  test('each strike is counted', async () => {
    const { strikes } = await call<{ strikes: Record<string, number> }>(sandbox.url, 'GET', '/faults')
    expect(strikes).toMatchObject({ 'business-error': 5, 'system-error': 1, unavailable: 1, 'http-500': 1 })
  })
})

function publicKeyOf({ privateKey }: WechatMerchant): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
}
