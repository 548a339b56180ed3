/** WeChat Pay’s API v3 in the sandbox, by a client that is not ours, unmodified but for its address. */
import { createHash } from 'node:crypto'
import type { AxiosError, AxiosInstance } from 'axios'
import { expect, test } from 'vitest'
import { Aes, Decorator, Formatter, Rsa } from 'wechatpay-axios-plugin'
import { morningAfter } from '../../../harness/sandbox-api.ts'
import { call, eventually } from '../rig.ts'
import { type Merchant, newMerchant, newNo, sandbox, scan, shop } from './rig.ts'

const pemOf = (base64: string): string => {
  const lines = base64.match(/.{1,64}/g) ?? []
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n')
}

const stranger = (merchant: Merchant, key = merchant.publicKeyId, pem = pemOf(merchant.publicKey)): AxiosInstance =>
  new Decorator({
    mchid: merchant.mchId,
    serial: merchant.serialNo,
    privateKey: merchant.privateKey,
    certs: { [key]: pem },
    baseURL: `${sandbox.url}/`,
  }).v3 as unknown as AxiosInstance

const orderBody = ({ appId, mchId }: Merchant, no: string, change: object = {}) => ({
  ...{ appid: appId, mchid: mchId, description: 'TypeScript 课程', out_trade_no: no, notify_url: shop.url },
  time_expire: new Date(Date.now() + 1_800_000).toISOString(),
  amount: { total: 19_900, currency: 'CNY' },
  ...change,
})

/** The status and code of the sandbox's refusal. */
const refused = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it was accepted')
    },
    ({ response }: AxiosError<{ code: string }>) => [response?.status, response?.data.code],
  )

test('the other client orders, is notified, queries, refunds, closes, and fetches a bill', async () => {
  const merchant = await newMerchant()
  const client = stranger(merchant)
  const no = newNo()
  const { data: made } = await client.post('/v3/pay/transactions/native', orderBody(merchant, no))
  expect(made.code_url).toMatch(/^weixin:\/\/wxpay\/bizpayurl\?pr=/)
  const path = `/v3/pay/transactions/out-trade-no/${no}`
  const params = { mchid: merchant.mchId }
  expect((await client.get(path, { params })).data).toMatchObject({ trade_state: 'NOTPAY', amount: { total: 19_900 } })

  const { transactionId } = await scan(made.code_url)
  await eventually(() => shop.received.some(({ body }) => body.includes('TRANSACTION.SUCCESS'))).toBe(true)
  const told = shop.received.find(({ body }) => body.includes('TRANSACTION.SUCCESS'))
  const { headers, body } = told ?? { headers: {}, body: '' }
  const message = Formatter.response(String(headers['wechatpay-timestamp']), String(headers['wechatpay-nonce']), body)
  expect(headers['wechatpay-serial']).toBe(merchant.publicKeyId)
  expect(Rsa.verify(message, String(headers['wechatpay-signature']), pemOf(merchant.publicKey))).toBe(true)
  const { resource } = JSON.parse(body)
  const plain = Aes.AesGcm.decrypt(resource.ciphertext, merchant.apiV3Key, resource.nonce, resource.associated_data)
  expect(JSON.parse(plain)).toMatchObject({
    ...{ mchid: merchant.mchId, appid: merchant.appId, out_trade_no: no, transaction_id: transactionId },
    ...{ trade_state: 'SUCCESS', amount: { total: 19_900, payer_total: 19_900, currency: 'CNY' } },
  })
  expect((await client.get(`/v3/pay/transactions/id/${transactionId}`, { params })).data.trade_state).toBe('SUCCESS')

  const refund = { out_trade_no: no, out_refund_no: newNo(), amount: { refund: 5000, total: 19_900, currency: 'CNY' } }
  expect((await client.post('/v3/refund/domestic/refunds', refund)).data.status).toBe('PROCESSING')
  const state = async () => (await client.get(`/v3/refund/domestic/refunds/${refund.out_refund_no}`)).data.status
  await expect.poll(state, { timeout: 20_000 }).toBe('SUCCESS')
  expect((await client.get(path, { params })).data.trade_state).toBe('REFUND')

  const other = newNo()
  await client.post('/v3/pay/transactions/native', orderBody(merchant, other))
  const closing = await client.post(`/v3/pay/transactions/out-trade-no/${other}/close`, { mchid: merchant.mchId })
  expect(closing.status).toBe(204)

  const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
  const day = now.slice(0, 10)
  await call(sandbox.url, 'POST', '/clock', { now: morningAfter(now) })
  const bill = await client.get('/v3/bill/tradebill', { params: { bill_date: day } })
  const address = new URL(bill.data.download_url)
  const token = { params: Object.fromEntries(address.searchParams), responseType: 'arraybuffer' } as const
  const file = await client.get(address.pathname, token)
  expect(createHash('sha1').update(file.data).digest('hex')).toBe(bill.data.hash_value)
  expect(file.data.toString('utf8').trim().split('\r\n')).toHaveLength(5)
})

test('invalid requests are refused as WeChat refuses them', async () => {
  const merchant = await newMerchant()
  const client = stranger(merchant)
  const native = (no: string, change?: object) =>
    client.post('/v3/pay/transactions/native', orderBody(merchant, no, change))
  const no = newNo()
  expect(await refused(native(no, { unknown: 1 }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { amount: { total: 0 } }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { amount: { total: 1.5 } }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { notify_url: `${shop.url}?a=1` }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native('short'))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { appid: 'wx0' }))).toEqual([400, 'APPID_MCHID_NOT_MATCH'])
  const params = { mchid: merchant.mchId }
  const query = (number: string) => client.get(`/v3/pay/transactions/out-trade-no/${number}`, { params })
  expect(await refused(query(no))).toEqual([404, 'ORDER_NOT_EXIST'])

  const expires = { time_expire: new Date(Date.now() + 3 * 86_400_000).toISOString() }
  const first = (await native(no, expires)).data.code_url
  const second = (await native(no, expires)).data.code_url
  expect(second).not.toBe(first)
  await expect(scan(first)).rejects.toThrow(/404/)
  expect(await refused(native(no, { ...expires, amount: { total: 1 } }))).toEqual([403, 'OUT_TRADE_NO_USED'])
  await scan(second)
  expect(await refused(native(no, expires))).toEqual([400, 'ORDERPAID'])
  const close = (number: string) => client.post(`/v3/pay/transactions/out-trade-no/${number}/close`, params)
  expect(await refused(close(no))).toEqual([400, 'ORDERPAID'])
  const closed = newNo()
  await close(closed)
  expect(await refused(native(closed))).toEqual([400, 'ORDER_CLOSED'])
  const refund = (amount: number, total = 19_900) =>
    client.post('/v3/refund/domestic/refunds', {
      ...{ out_trade_no: no, out_refund_no: newNo(), amount: { refund: amount, total, currency: 'CNY' } },
    })
  expect(await refused(refund(19_901))).toEqual([400, 'INVALID_REQUEST'])
  expect(await refused(refund(1, 19_901))).toEqual([400, 'INVALID_REQUEST'])
  expect(await refused(client.get('/v3/refund/domestic/refunds/none'))).toEqual([404, 'RESOURCE_NOT_EXISTS'])
  expect(await refused(client.get('/v3/certificates'))).toEqual([404, 'RESOURCE_NOT_EXISTS'])

  const thief = { ...merchant, privateKey: (await newMerchant()).privateKey }
  expect(await refused(stranger(thief).get('/v3/pay/transactions/id/1', { params }))).toEqual([401, 'SIGN_ERROR'])
  const nameless = { ...merchant, serialNo: '00'.repeat(20) }
  expect(await refused(stranger(nameless).get('/v3/pay/transactions/id/1', { params }))).toEqual([401, 'SIGN_ERROR'])
})
