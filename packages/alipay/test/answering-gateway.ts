/** A client whose gateway answers what a test says. */
import type { ServerResponse } from 'node:http'
import { type AlipayOptions, createAlipay } from '../src/client.ts'
import { AlipayError } from '../src/errors.ts'
import { newPair, signedAnswer } from './alipay-side.ts'
import type { Received } from './gateway.ts'

export const merchant = newPair()

export const alipay = newPair()

export const QUERY = 'alipay.trade.query'

export const paid =
  '{"code":"10000","msg":"Success","out_trade_no":"N1","send_pay_date":"2026-11-23 10:00:00","total_amount":"39.00","trade_no":"2026112322001","trade_status":"TRADE_SUCCESS"}'

export const clientAt = (gateway: string, options: Partial<AlipayOptions> = {}) =>
  createAlipay({
    appId: '2021000120612450',
    privateKey: merchant.privateKey,
    alipayPublicKey: alipay.publicKey,
    gateway,
    timeoutMs: 5000,
    ...options,
  })

export const answering =
  (node: string) =>
  (response: ServerResponse, { parameters }: Received) => {
    response.setHeader('content-type', 'text/html;charset=utf-8')
    response.end(signedAnswer(parameters['method'] ?? '', node, alipay.privateKey))
  }

export async function failure(act: () => Promise<unknown>): Promise<AlipayError> {
  const error = await act().then(
    () => new Error('expected an error'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof AlipayError) return error
  throw error
}
